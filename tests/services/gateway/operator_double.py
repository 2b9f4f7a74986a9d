"""The operator's half of the canned API: one key, experiments to steer, questions to mark, runs to start."""

from __future__ import annotations

import copy
import re
from typing import Any
from urllib.parse import unquote

from tests.services.gateway.pipeline_double import Pipeline
from tests.services.gateway.registry_double import Registry

KEY = "the-admin-key"
COOKIE = "toolscout_admin"
PREFIX = "/api/v1/"
BASE = "/api/v1/experiments"

ARMS = {
    "stable": {
        "endpoint": "http://127.0.0.1:8091/v1",
        "model": "SmolLM2-135M-Instruct",
        "prompt": "v3",
        "adapter": None,
    },
    "candidate": {
        "endpoint": "https://llm.a-rather-long-host-name.example/v1",
        "model": "SmolLM2-135M-Instruct-toolscout-2026-11-24",
        "prompt": "v3",
        "adapter": "b1946ac92492d2347c6235b4d2611184",
    },
}
STABLE = {
    "exposures": 1804, "searches": 4210, "rated": 310, "satisfaction": 0.612, "satisfaction_low": 0.557,
    "satisfaction_high": 0.665, "survey": 3.9, "surveys": 44, "latency_p50_ms": 812.4, "latency_p95_ms": 2210.0,
    "first_token_p50_ms": 143.2, "errors": 0.004, "grounded": 0.941, "no_match": 0.082,
}  # fmt: skip
CANDIDATE = {
    "exposures": 12, "searches": 19, "rated": 0, "satisfaction": None, "satisfaction_low": None,
    "satisfaction_high": None, "survey": None, "surveys": 0, "latency_p50_ms": None, "latency_p95_ms": None,
    "first_token_p50_ms": None, "errors": 0.0, "grounded": None, "no_match": 0.05,
}  # fmt: skip


def experiment(name: str, state: str, share: float, current: bool = False) -> dict[str, Any]:
    history = [{"at": 1764072000.0, "change": "opened", "share": 0.1, "note": None}]
    live = {"stable": dict(STABLE), "candidate": dict(CANDIDATE), "apart": 7}
    item = {"id": name, "share": share, "state": state, "stage": 1, "created_at": 1764072000.0}
    item["current"] = current
    return item | {"changed_at": 1764075600.0, "arms": ARMS, "live": live, "history": history, "testers": []}


def miss(number: int, question: str, **values: Any) -> dict[str, Any]:
    search = {"search_id": f"s{number}", "query": question, "at": 1764072000.0, "group": "stable"}
    search |= {"reasons": ["no_match", "rated_down"], "answer": "Nothing here fits that question.", "comment": None}
    search |= {"results": [{"tool_id": 1, "name": "Cleanvoice", "url": "https://cleanvoice.example"}]}
    reasons = {"no_match": 3, "ungrounded": 0, "rated_down": 1}
    group = {
        "id": f"s{number}",
        "question": question,
        "count": 4,
        "reasons": reasons,
        "searches": [search],
        "mark": None,
    }
    return group | values


def problem(status: int, reason: str, title: str, remedy: str) -> tuple[int, Any]:
    return status, {"status": status, "reason": reason, "title": title, "detail": title, "remedy": remedy}


class Operator:
    def __init__(self) -> None:
        self.open = True  # False: cookies given before are worth nothing
        self.experiments = [experiment("exp-2", "running", 0.1, True), experiment("exp-1", "rolled_back", 0.5)]
        self.groups = [miss(n, f"question number {n}") for n in range(1, 24)]
        self.groups[0]["question"] = (
            "우리 회사 회의 녹음을 한국어로 받아 적고 화자별로 나눈 다음 할 일 목록까지 정리해 주는 도구"
        )
        self.pipeline = Pipeline()
        self.registry = Registry(self.pipeline)
        self.refusal: tuple[int, Any] | None = None  # what the next change is answered with
        self.changes: list[tuple[str, str, Any]] = []

    def cookie(self, path: str) -> dict[str, str]:
        """The headers with which a log-in or a log-out is answered."""
        ages = {"/api/v1/admin/login": "Max-Age=3600", "/api/v1/admin/logout": "Max-Age=0"}
        value = f"{COOKIE}=yes; Path=/; HttpOnly; SameSite=Strict; {ages[path]}" if path in ages else ""
        return {"Set-Cookie": value} if value else {}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, cookie: str) -> tuple[int, Any]:
        known = self.open and f"{COOKIE}=yes" in cookie
        if path == "/api/v1/admin":
            return 200, {"admin": known}
        if path == "/api/v1/admin/logout":
            return 204, None
        if path == "/api/v1/admin/login":
            right = body["key"] == KEY
            self.open = self.open or right
            return (
                (204, None)
                if right
                else problem(401, "wrong_admin_key", "That is not the admin key", "Look at the log.")
            )
        if not known:
            return problem(401, "admin_key_needed", "This needs the admin key", "Log in.")
        return self._inside(method, path.removeprefix(PREFIX), query, body)

    def _inside(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method != "GET":
            self.changes.append((method, path, body))
            if self.refusal:
                refusal, self.refusal = self.refusal, None
                return refusal
        if path == "experiments":
            return 200, {"items": copy.deepcopy(self.experiments)}
        if path.startswith("pipeline"):
            return self.pipeline.answer(method, path.removeprefix("pipeline").removeprefix("/"), query, body)
        if path.startswith(("adapters", "questions")):
            return self.registry.answer(method, path, body)
        if path == "missed":
            return 200, self._missed(query)
        if found := re.fullmatch(r"missed/(\w+)", path):
            return self._mark(found.group(1), body)
        found = re.fullmatch(r"experiments/([\w-]+)(/testers(?:/(.+))?)?", path)
        assert found, path
        item = next(item for item in self.experiments if item["id"] == found.group(1))
        return (
            self._testers(method, item, unquote(found.group(3) or ""), body)
            if found.group(2)
            else self._steer(item, body)
        )

    def _steer(self, item: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        states = {"pause": "paused", "resume": "running", "promote": "promoted", "rollback": "rolled_back"}
        item["share"] = body.get("share", item["share"])
        item["state"] = states.get(body.get("action", ""), item["state"])
        change = {"at": 1764079200.0, "change": body.get("action", "share"), "share": item["share"]}
        item["history"].insert(0, change | {"note": body.get("note")})
        return 200, item

    @staticmethod
    def _testers(method: str, item: dict[str, Any], session: str, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            item["testers"] = [tester for tester in item["testers"] if tester["session"] != session]
            return 204, None
        named = body.get("session") or "link:1a2b3c4d"
        item["testers"].append({"session": named, "arm": body["arm"], "note": body.get("note"), "at": 1764079200.0})
        return 201, {"url": None if body.get("session") else "/?tester=signed.token", "session": named}

    def _missed(self, query: dict[str, str]) -> dict[str, Any]:
        wanted = [group for group in self.groups if bool(group["mark"]) == (query["state"] == "marked")]
        start, size = int(query["offset"]), int(query["limit"])
        return {"total": len(wanted), "groups": copy.deepcopy(wanted[start : start + size])}

    def _mark(self, name: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        group = next(group for group in self.groups if group["id"] == name)
        empty = {"tool_id": None, "url": None, "note": None, "at": 1764079200.0}
        group["mark"] = empty | body if body else None
        return (200, group) if body else (204, None)
