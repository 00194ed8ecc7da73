"""Statistics, tokens and health, as the data API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from api.run_schemas import RunReply


class CategoryReply(BaseModel):
    name: str
    books: int


class CategoriesReply(BaseModel):
    items: list[CategoryReply]


class OverviewReply(BaseModel):
    """The averages of an empty catalogue are null, and prices where the books' currencies differ.

    `rating_distribution` counts the books that are rated, by whole stars.
    """

    total_books: int
    average_price: float | None
    average_rating: float | None
    rating_distribution: dict[int, int]
    currency: str | None


class CategoryStatisticsReply(BaseModel):
    """What one category holds; ratings in stars, `in_stock` in titles.

    Prices are in `currency`, and all null where the books' currencies differ. No book of the category
    need be rated.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    books: int
    average_price: float | None
    min_price: float | None
    max_price: float | None
    average_rating: float | None
    in_stock: int
    currency: str | None


class CategoryStatisticsList(BaseModel):
    items: list[CategoryStatisticsReply]


class AccessReply(BaseModel):
    """A token for the `Authorization: Bearer` header; `expires_in` counts seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class LoginReply(AccessReply):
    """The refresh token is good for nothing but new access tokens."""

    refresh_token: str


class Dependency(BaseModel):
    """`down` refused or failed, `unknown` did not answer in time, `degraded` answers less than all."""

    status: Literal["ok", "degraded", "down", "unknown"]
    detail: str


class ScheduleReply(BaseModel):
    """When a scrape, or a training, will be asked for next, which is never while the schedule is off.

    A time in the past was missed, and is made up for as soon as the worker, or the trainer, runs.
    `unknown` is what the database did not tell in time.
    """

    status: Literal["on", "off", "unknown"]
    next_run_at: datetime | None


class HealthReply(BaseModel):
    """`ok` only if every dependency is; neither a schedule nor the last run is one.

    Worker and trainer are known by what waits: `down` if a scheduled time has passed unheeded, `unknown` if
    a run or an order has waited for two minutes.

    `last_run` is the one under way, or else the one that was asked for last.
    """

    status: Literal["ok", "degraded"]
    dependencies: dict[Literal["catalogue", "model_server", "features", "worker", "trainer"], Dependency]
    schedule: ScheduleReply
    retraining: ScheduleReply
    last_run: RunReply | None
