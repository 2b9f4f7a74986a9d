"""The catalogue's tables. Times are Unix seconds (double), so that SQLite and PostgreSQL compare them alike."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

Time = sa.Double
# SQLite numbers only INTEGER keys by itself; PostgreSQL wants 64 bits.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# One row: the version of the last committed change to what is indexed.
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

hosts = sa.Table(
    "hosts",
    metadata,
    sa.Column("host", sa.Text, primary_key=True),
    sa.Column("next_at", Time, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Time),
    sa.Column("robots_status", sa.Text),
    sa.Column("robots_text", sa.Text),
    sa.Column("robots_fetched_at", Time),
    sa.Column("robots_expires_at", Time),
)

pages = sa.Table(
    "pages",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("url", sa.Text, nullable=False, unique=True),
    sa.Column("host", sa.Text, nullable=False, index=True),
    sa.Column("site", sa.Text, nullable=False, index=True),
    # True once somebody asked for this page by name: such a page is indexed whatever it is.
    sa.Column("submitted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    # Fetches in a row that failed for a passing reason; the third ends the page.
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Time),
    sa.Column("not_before", Time, nullable=False, server_default="0"),
    sa.Column("woken_at", Time, nullable=False, server_default="0"),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.Column("fetched_at", Time),
    sa.Column("indexed_at", Time),
    sa.Column("http_status", sa.Integer),
    sa.Column("final_url", sa.Text),
    sa.Column("content_type", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("text_digest", sa.Text, index=True),
    sa.Column("title", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("facts", sa.JSON),
    sa.Column("tool_id", Key, sa.ForeignKey("tools.id"), index=True),
    sa.Column("duplicate_of", Key, sa.ForeignKey("pages.id")),
    sa.Index("ix_pages_state_woken", "state", "woken_at"),
    sqlite_autoincrement=True,
)

# The last three different bodies of a page; the bodies lie in the raw page store under their digest.
page_versions = sa.Table(
    "page_versions",
    metadata,
    sa.Column("page_id", Key, sa.ForeignKey("pages.id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True, index=True),
    sa.Column("fetched_at", Time, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("session_id", sa.Text),
)

# state stays NULL while the page decides; the outcome is written once, with the page's own.
job_urls = sa.Table(
    "job_urls",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("page_id", Key, sa.ForeignKey("pages.id"), index=True),
    sa.Column("state", sa.Text),
    sa.Column("reason", sa.Text),
)

tools = sa.Table(
    "tools",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("site", sa.Text, nullable=False, unique=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False, server_default=""),
    sa.Column("category", sa.Text, nullable=False, server_default="other", index=True),
    sa.Column("pricing", sa.Text, index=True),
    sa.Column("platforms", sa.JSON, nullable=False),
    sa.Column("languages", sa.JSON, nullable=False),
    # One line in English whatever the page's language is; "" where nobody could say it.
    sa.Column("summary_en", sa.Text, nullable=False, server_default=""),
    sa.Column("features", sa.JSON),
    sa.Column("use_cases", sa.JSON),
    # field name → {source, confidence, page_id}
    sa.Column("sources", sa.JSON, nullable=False),
    # What a language model said of the tool: field name → {value, source, confidence}; and of which text.
    sa.Column("llm_facts", sa.JSON),
    sa.Column("described_digest", sa.Text),
    # When a language model is to be asked; NULL when there is nothing to ask.
    sa.Column("describe_at", Time, index=True),
    sa.Column("describe_lease_until", Time),
    sa.Column("describe_tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sqlite_autoincrement=True,
)

chunks = sa.Table(
    "chunks",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("page_id", Key, sa.ForeignKey("pages.id"), nullable=False, index=True),
    sa.Column("tool_id", Key, sa.ForeignKey("tools.id"), nullable=False, index=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    # 384 float16, little endian
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.Column("encoder", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
    # A gone chunk's number must never come back: replicas hold tombstones.
    sqlite_autoincrement=True,
)

chunk_deletions = sa.Table(
    "chunk_deletions",
    metadata,
    sa.Column("chunk_id", Key, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
)

# What may be worth a visit: links of articles and directories.
leads = sa.Table(
    "leads",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("page_id", Key, sa.ForeignKey("pages.id")),
    sa.Column("anchor", sa.Text),
    sa.Column("created_at", Time, nullable=False),
)

searches = sa.Table(
    "searches",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("session_id", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Time, nullable=False, index=True),
    sa.Column("ab_group", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text),
    # False: bots, API clients without the key, testers. They are shown apart.
    sa.Column("counted", sa.Boolean, nullable=False, server_default=sa.true()),
    # What answered: {served_by, model, prompt, adapter, fallback}
    sa.Column("arm", sa.JSON),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("filters", sa.JSON, nullable=False),
    # [{tool_id, score, chunks: [...]}], as shown
    sa.Column("results", sa.JSON, nullable=False),
    sa.Column("no_match", sa.Boolean, nullable=False),
    sa.Column("answer", sa.JSON),
    sa.Column("index_version", sa.BigInteger, nullable=False),
    sa.Column("encoder", sa.Text, nullable=False),
    sa.Column("timings", sa.JSON, nullable=False),
    # A keyed hash of the visitor's network (/24 or /48), so that no network can buy the model; NULL on loopback.
    sa.Column("network", sa.Text),
    # The newest counted searches of an arm are read, and all of them counted, without a look at any other.
    sa.Index("ix_searches_arm", "experiment", "ab_group", "counted", "created_at"),
)

# tool_id 0 rates the answer as a whole; the last rating of a session wins.
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("search_id", sa.Text, sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("tool_id", Key, primary_key=True, autoincrement=False),
    sa.Column("rating", sa.Text),
    sa.Column("score", sa.Integer),
    sa.Column("comment", sa.Text),
    sa.Column("created_at", Time, nullable=False),
)

# The one question of the survey; without a score it was closed unanswered.
surveys = sa.Table(
    "surveys",
    metadata,
    sa.Column("search_id", sa.Text, sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("session_id", sa.Text, nullable=False, index=True),
    sa.Column("score", sa.Integer),
    sa.Column("created_at", Time, nullable=False),
)

# What an operator said of a missed question; `group_id` is the search that leads its group of like questions.
marks = sa.Table(
    "marks",
    metadata,
    sa.Column("search_id", sa.Text, sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("group_id", sa.Text, nullable=False, index=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("tool_id", Key),
    sa.Column("url", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("created_at", Time, nullable=False),
)

# `arms` is what each arm was when the experiment was opened: {stable|candidate: {endpoint, model, prompt, adapter}}.
experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    # Counts the shares that it has had: figures are compared within a stage.
    sa.Column("stage", sa.Integer, nullable=False, server_default="1"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("arms", sa.JSON, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("changed_at", Time, nullable=False),
)

experiment_changes = sa.Table(
    "experiment_changes",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("experiment", sa.Text, sa.ForeignKey("experiments.id"), nullable=False, index=True),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,
)

# A session's group, fixed when it first met the experiment, with the share and the stage of that moment.
assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("experiment", sa.Text, sa.ForeignKey("experiments.id"), primary_key=True),
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("ab_group", sa.Text, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
    sa.Column("stage", sa.Integer, nullable=False),
    # Who was sent there by name (listed, link); such sessions are left out of the statistics.
    sa.Column("rule", sa.Text),
    sa.Column("counted", sa.Boolean, nullable=False),
    sa.Column("created_at", Time, nullable=False),
)

# Sessions that an operator sends to an arm.
testers = sa.Table(
    "testers",
    metadata,
    sa.Column("experiment", sa.Text, sa.ForeignKey("experiments.id"), primary_key=True),
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("arm", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("created_at", Time, nullable=False),
)

clicks = sa.Table(
    "clicks",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("search_id", sa.Text, sa.ForeignKey("searches.id"), nullable=False, index=True),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("tool_id", Key, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,
)

# One way through the pipeline, or a part of it.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False, index=True),
    sa.Column("ended_at", Time),
    # When somebody asked for its end; a step that runs sees it and stops.
    sa.Column("cancel_at", Time),
)

run_steps = sa.Table(
    "run_steps",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("reason", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    # What it does now, and how much of that is done.
    sa.Column("doing", sa.Text),
    sa.Column("done", sa.BigInteger),
    sa.Column("total", sa.BigInteger),
    sa.Column("figures", sa.JSON),
    # reason → rows that were left out for it
    sa.Column("drops", sa.JSON),
    # [{name, path, rows, bytes, sha256}], paths from models/
    sa.Column("artefacts", sa.JSON),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Time),
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("updated_at", Time, nullable=False),
)

# What an operator compares models on.
questions = sa.Table(
    "questions",
    metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("text", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,
)
