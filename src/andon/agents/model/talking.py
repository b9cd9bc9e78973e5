"""Asks the model over the relay with the provider's own client, one streamed answer at a time; runs no tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from andon.agents.relay import Relay
from andon.config import AgentSettings

if TYPE_CHECKING:  # these take seconds to import
    import httpx2
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition

HERE = "http://relay.invalid"
"""Stands in requests as the host; they go over the relay's socket."""
NO_KEY = "andon-adds-the-key"
RETRIES = 4
"""By the client itself, with the provider's own pace: 429, 529 and other passing troubles."""


class Line:
    """An open line to the model. The library is asynchronous; its loop lives in here and nowhere else."""

    def __init__(self, model: Model, settings: ModelSettings, runner: asyncio.Runner) -> None:
        self._model = model
        self._settings = settings
        self._runner = runner

    def ask(self, messages: Sequence[ModelMessage], tools: Sequence[ToolDefinition], seconds: float) -> ModelResponse:
        """Returns the model's whole answer.

        Raises:
            TimeoutError: it took longer than that.
            Exception: one of `troubles()`.
        """
        return self._runner.run(asyncio.wait_for(self._ask(list(messages), list(tools)), seconds))

    async def _ask(self, messages: list[ModelMessage], tools: list[ToolDefinition]) -> ModelResponse:
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.models import ModelRequestParameters

        asked = ModelRequestParameters(function_tools=tools)
        async with model_request_stream(
            self._model, messages, model_settings=self._settings, model_request_parameters=asked
        ) as stream:
            async for _ in stream:
                pass
            return stream.get()


def troubles() -> tuple[type[Exception], ...]:
    """Returns what the libraries raise when a request came to nothing."""
    import anthropic
    import httpx2
    import openai
    from pydantic_ai.exceptions import AgentRunError

    return (AgentRunError, anthropic.APIError, openai.APIError, httpx2.HTTPError)


@contextmanager
def open_line(relay: Relay, settings: AgentSettings) -> Iterator[Line]:
    """Gives a line over a relay, and closes it."""
    import httpx2

    with asyncio.Runner() as runner:
        transport = httpx2.AsyncHTTPTransport(uds=str(relay.socket), trust_env=False)
        http = httpx2.AsyncClient(transport=transport, trust_env=False, timeout=httpx2.Timeout(600.0, connect=20.0))
        try:
            yield Line(model_over(relay, http), request_settings(relay, settings), runner)
        finally:
            runner.run(http.aclose())


def model_over(relay: Relay, http: httpx2.AsyncClient) -> Model:
    """Returns the provider's client for the configured model."""
    if relay.upstream.wire == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(api_key=NO_KEY, base_url=HERE, http_client=http, max_retries=RETRIES)
        return AnthropicModel(relay.upstream.model, provider=AnthropicProvider(anthropic_client=client))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    openai = AsyncOpenAI(api_key=NO_KEY, base_url=f"{HERE}/v1", http_client=http, max_retries=RETRIES)
    return OpenAIChatModel(relay.upstream.model, provider=OpenAIProvider(openai_client=openai))


def request_settings(relay: Relay, settings: AgentSettings) -> ModelSettings:
    """Returns how each request is made; at Anthropic the conversation so far is read from its cache."""
    chosen: dict[str, Any] = {"max_tokens": settings.answer_tokens}
    if relay.upstream.wire == "anthropic":
        chosen |= {"anthropic_cache_instructions": True, "anthropic_cache_messages": True}
    return chosen  # type: ignore[return-value]
