"""Texts of many kinds and lengths, on which two forms of one encoder are compared."""

from __future__ import annotations

_STORY = (
    "When the ferry stops running, the harbour town of Brenna has one winter left. Ida, who repairs clocks, "
    "finds a letter in a case that nobody has opened for forty years, and a name in it that is her own. "
    "Her brother says to burn it. The new schoolmaster, whom no one trusts, says to read it aloud. "
)

SAMPLES = [
    "Salt and Iron",
    "A gentle story about a lighthouse keeper and the sea, told by his daughter.",
    "",
    "No.",
    "I could not put it down!",
    "I wanted to like this, but after a hundred pages I no longer cared who did it.",
    "The worst meal that we have had in years: cold soup, rude waiters, and a bill to match.",
    "It does what the box says, and the battery lasts a week.",
    "Not bad at all; not what I had hoped for, either.",
    "A cookbook with 120 recipes for two, from soups to puddings, each on one page.",
    "First published in 1924, this edition has a new preface, notes and an index.",
    "A history of the railways of northern Spain between 1860 and 1936, with 48 maps.",
    "Dragons! Thieves! And a librarian who has had quite enough of both.",
    "He kills the only witness, and then he falls in love with her sister.",
    "Poems about rain, grief, and the small hours in a city that is not yours.",
    "Learn to program in twelve weeks: variables, loops, functions, and how to ask for help.",
    "This volume collects issues #7–12, with covers by various artists (2nd printing).",
    "Una novela sobre la memoria y el olvido en un pueblo de montaña.",
    "Ein heiterer Roman über drei Schwestern und ein Erbe, das keine haben will.",
    "海辺の町で暮らす少年の一夏の物語。",
    "WINNER OF THE NORTHERN PRIZE * A BOOK OF THE YEAR * 'Astonishing' – The Courier",
    "She is funny, furious and utterly convincing. By the end I was in tears on the bus.",
    "A dull, overlong film with two good scenes and a dog.",
    "price: £12.50, isbn 978-0-00-000000-2, 312 pp., 20 × 13 cm",
    "Why do bees dance? What do whales hear? A naturalist answers the questions of children.",
    "The second law, the third man, the fourth wall: essays on science, film and theatre.",
    _STORY,
    _STORY + "What follows is a ghost story, a love story, and the best argument for mending things.",
    _STORY * 3,
    _STORY * 7,
]
