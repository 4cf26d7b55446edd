"""The REST door of a service: bearer token on every route, problem details, body limits, health."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException as FastAPIHTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spine.database import Runtime
from spine.errors import TactError
from spine.health import readiness
from spine.metrics import flow_metrics, warning_metrics
from spine.service import Service

log = structlog.get_logger()

#: Bodies above this are refused unless the route streams (its path is then listed with its own limit).
MAX_BODY_BYTES = 1_048_576
#: Answer without a token: probes carry none and the answers tell nothing about anyone.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


def create_api(service: Service, runtime: Runtime, *, token: str) -> FastAPI:
    """The FastAPI application of a service. Routes find `runtime` and the service's state on `request.app`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        for close in service.closing:
            await close()
        await runtime.engine.dispose()

    app = FastAPI(title=f"Tact {service.name}", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.runtime = runtime
    app.state.service = service
    for name, value in service.state.items():
        setattr(app.state, name, value)
    app.include_router(service.router)
    _add_health(app, service, runtime)
    _describe(app, signed_paths=service.state.get("signed_paths", ()))
    app.add_exception_handler(TactError, _tact_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
    limits = service.state.get("body_limits", {})
    signed = service.state.get("signed_paths", ())
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(BearerToken, token=token, signed_paths=signed)
    return app


def runtime_of(request: Request) -> Runtime:
    """The runtime of the service a request came to (a FastAPI dependency)."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def problem(status: int, code: str, detail: str, **facts: Any) -> JSONResponse:
    """An RFC 9457 problem with a stable `code`."""
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    body = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "code": code}
    return _Problem({**body, "detail": detail, **facts}, status, headers)


class _Problem(JSONResponse):
    """May quote what was sent, half a surrogate pair too, which no UTF-8 has."""

    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        """The JSON, with a question mark where a character cannot be told."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def _describe(app: FastAPI, *, signed_paths: tuple[str, ...]) -> None:
    """Makes the OpenAPI document say what is true: bearer tokens, and problem details for every error."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {})
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schemas = components.setdefault("schemas", {})
            schemas["Problem"] = _PROBLEM
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            document["security"] = [{"token": []}]
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    if path.startswith(signed_paths):
                        operation["security"] = []
                    operation.setdefault("responses", {})["422"] = _problem_response("Refused")
                    operation["responses"]["401"] = _problem_response("No valid token or signature")
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _problem_response(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


_PROBLEM: Final = {
    "title": "Problem",
    "description": "RFC 9457 problem details with a stable code",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}


def _add_health(app: FastAPI, service: Service, runtime: Runtime) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        reasons = await readiness(service, runtime)
        warnings = [] if reasons else await _warnings(service, runtime)
        answer = {"ready": not reasons, "reasons": reasons, "warnings": warnings}
        return JSONResponse(answer, 503 if reasons else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        async with runtime.engine.connect() as connection:
            flow = await flow_metrics(service.name, connection)
        flow += warning_metrics(service.name, len(await _warnings(service, runtime)))
        if service.metrics is not None:
            async with runtime.transaction() as tx:
                flow += await service.metrics(tx)
        return Response(generate_latest() + flow, media_type=CONTENT_TYPE_LATEST)


async def _warnings(service: Service, runtime: Runtime) -> list[str]:
    if service.warnings is None:
        return []
    async with runtime.transaction() as tx:
        return await service.warnings(tx)


async def _tact_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, TactError)
    if error.status >= 500 and error.status != 503:
        log.error("request failed", code=error.code, detail=error.detail)
    facts = {name: value for name, value in error.facts.items() if value is not None}
    return problem(error.status, error.code, error.detail, **facts)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors()
    ]
    first = errors[0] if errors else {"field": "", "message": "bad request"}
    return problem(422, "bad_request", f"{first['field']}: {first['message']}", errors=errors)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    return problem(error.status_code, codes.get(error.status_code, "bad_request"), str(error.detail))


#: What was sent is text that PostgreSQL cannot keep (a NUL): asking again cannot help.
_UNKEEPABLE: Final = frozenset({"22021", "22P05"})


async def _database_error(_: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _UNKEEPABLE:
        return problem(422, "bad_request", "A text holds a character that cannot be kept, such as NUL.")
    log.error("database unavailable", error=type(error).__name__, text=str(error.__cause__ or "")[:200])
    return problem(503, "unavailable", "The database does not answer just now; try again.")


class BearerToken:
    """Refuses every request without the token, whatever its route, known or not."""

    def __init__(self, app: ASGIApp, *, token: str, signed_paths: tuple[str, ...]) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._signed_paths = signed_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._allowed(scope):
            await self._app(scope, receive, send)
            return
        response = problem(401, "unauthorized", "Send `Authorization: Bearer <token>`.")
        response.headers["WWW-Authenticate"] = "Bearer"
        await response(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path in OPEN_PATHS or any(path.startswith(prefix) for prefix in self._signed_paths):
            return True
        given = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        return hmac.compare_digest(given, self._expected)


class BodyTooLarge(TactError, FastAPIHTTPException):
    """The body is larger than this route accepts.

    Also an HTTPException: FastAPI turns any other error of reading a body into a 400.
    """

    code = "too_large"
    status = 413

    def __init__(self, detail: str, **facts: Any) -> None:
        FastAPIHTTPException.__init__(self, self.status, detail)
        self.facts = facts


class BodyLimit:
    """Stops reading a request body at its route's limit, told or chunked."""

    def __init__(self, app: ASGIApp, *, limits: dict[str, int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], MAX_BODY_BYTES)
        told = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not told.isdigit() or int(told) > limit:
            await _refuse(limit)(scope, receive, send)
            return
        await self._app(scope, self._counted(receive, limit), send)

    def _counted(self, receive: Receive, limit: int) -> Callable[[], Awaitable[Message]]:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise BodyTooLarge(f"The body is larger than {limit} bytes.", limit_bytes=limit)
            return message

        return counted


def _refuse(limit: int) -> JSONResponse:
    return problem(413, "too_large", f"The body is larger than {limit} bytes.", limit_bytes=limit)
