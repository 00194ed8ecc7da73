"""`make run`: set up what is missing, do the main job step by step, keep everything serving."""
