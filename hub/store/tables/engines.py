"""Which pieces of an engine's own SQL the database has."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from hub.store.tables.ground import Moment, table_of


class EngineScriptRow(SQLModel, table=True):
    """One piece of SQL that an engine brought along and that was applied; `version` is the engine's then."""

    __tablename__ = "engine_scripts"
    engine: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: str
    applied_at: datetime = Field(sa_type=Moment)


engine_scripts = table_of(EngineScriptRow)
