"""`tact import`: events from a file onto the broker, each on its topic, bad lines told and left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from spine.broker.connect import connect
from spine.settings import Surroundings
from spine.topics import all_topic_names
from tact.feed import Feed
from tact.portfolio.files import PortfolioKind, detect, open_portfolio
from tact.portfolio.ndjson import BadLine, scan_events
from tact.portfolio.published import PublishedEvent

_BATCH = 2_000


@dataclass(slots=True)
class Imported:
    """How many events went out, and the lines that did not."""

    published: int = 0
    bad: list[dict[str, object]] = field(default_factory=list)


async def import_file(path: Path) -> Imported:
    """Publishes every good line in file order; importing a file twice changes nothing (same event ids).

    Raises PortfolioFileUnreadable, PublishFailed.
    """
    kind = detect(path)
    surroundings = Surroundings.from_environment()
    broker = connect(surroundings, log_database_url=surroundings.database_urls.get("log", ""))
    await broker.start()
    imported = Imported()
    feed = Feed(broker, surroundings.partitions)
    try:
        await broker.ensure_topics(all_topic_names(), surroundings.partitions)
        batch: list[PublishedEvent] = []
        lines = open_portfolio(path) if kind is PortfolioKind.UCI else scan_events(path)
        for line in lines:
            if isinstance(line, BadLine):
                imported.bad.append({"line": line.line, "code": line.code, "message": line.message})
                continue
            batch.append(line)
            if len(batch) >= _BATCH:
                await feed.publish(batch)
                batch.clear()
        await feed.publish(batch)
        imported.published = feed.published
        return imported
    finally:
        await broker.close()
