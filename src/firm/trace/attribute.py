"""Names of attributes, as OpenTelemetry's conventions for generative AI have them; ours begin with `firm.`.

One rule: where OpenTelemetry has a name, it is used, in its unit and with its meaning. Source:
github.com/open-telemetry/semantic-conventions-genai, which has no release yet, as it stood in November 2026.
"""

from firm.units import Usage

# --- OpenTelemetry, generative AI ---------------------------------------------------------------------------------

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"
OUTPUT_TYPE = "gen_ai.output.type"
"""'text', 'json', 'image' or 'speech'."""

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STOP = "gen_ai.request.stop_sequences"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_CHOICES = "gen_ai.request.choice.count"
REQUEST_REASONING = "gen_ai.request.reasoning.level"
"""Effort asked for, as it stands on the wire."""

RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
"""A list, one for each choice."""
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
"""Seconds from the request to the first piece of the stream, whatever is in it."""

INPUT_TOKENS = "gen_ai.usage.input_tokens"
"""All that was read, cached or not."""
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
"""All that was written, reasoning too."""
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

EMBEDDING_DIMENSIONS = "gen_ai.embeddings.dimension.count"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"
AGENT_NAME = "gen_ai.agent.name"
AGENT_ID = "gen_ai.agent.id"
WORKFLOW_NAME = "gen_ai.workflow.name"
DATA_SOURCE = "gen_ai.data_source.id"

# --- OpenTelemetry, general ---------------------------------------------------------------------------------------

ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_STATUS = "http.response.status_code"

# --- ours ---------------------------------------------------------------------------------------------------------

COST_USD = "firm.cost.usd"
GPU_S = "firm.gpu.seconds"
ATTEMPT = "firm.attempt"
"""Number of the request that was answered, 1 for the first; each earlier one is a moment of the span."""
ENDPOINT = "firm.endpoint"
"""Endpoint that was asked: its name or its URL."""
QUEUE_S = "firm.queue_s"
"""Seconds that the call waited here before it was sent."""
TIME_TO_FIRST_TOKEN_S = "firm.time_to_first_token_s"
"""Seconds from the request to the first piece of text, reasoning or tool call."""
AUDIO_TOKENS = "firm.usage.audio_tokens"
IMAGE_TOKENS = "firm.usage.image_tokens"
WAIT_S = "firm.wait_s"
"""Seconds waited before the next try."""
REASON = "firm.reason"
"""Why, in words; may come from outside."""


def of_usage(usage: Usage) -> dict[str, int]:
    """Tokens as attributes: totals always, parts where they are not 0."""
    found = {INPUT_TOKENS: usage.read, OUTPUT_TOKENS: usage.written}
    if usage.cache_read:
        found[CACHE_READ_TOKENS] = usage.cache_read
    if usage.cache_write:
        found[CACHE_WRITE_TOKENS] = usage.cache_write
    if usage.reasoning:
        found[REASONING_TOKENS] = usage.reasoning
    if usage.audio:
        found[AUDIO_TOKENS] = usage.audio
    if usage.image:
        found[IMAGE_TOKENS] = usage.image
    return found
