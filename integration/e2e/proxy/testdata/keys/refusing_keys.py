"""Virtual keys that the proxy refuses, without its database.

The proxy's own checks and error handling run; only the records that they would
read from Postgres are made here, one for each key.
"""
import litellm
from litellm.proxy._types import UserAPIKeyAuth, LiteLLM_TeamTable
from litellm.proxy.auth.auth_checks import _can_object_call_model


def budget(message):
    raise litellm.BudgetExceededError(current_cost=11.0, max_budget=10.0, message=message)


def denied(kind):
    _can_object_call_model(model="cheap", llm_router=None, models=["gpt-4o"], object_type=kind)


def blocked(what):
    raise Exception(what)


refusals = {
    "sk-key-model": lambda: denied("key"),
    "sk-team-model": lambda: denied("team"),
    "sk-user-model": lambda: denied("user"),
    "sk-org-model": lambda: denied("org"),
    "sk-key-blocked": lambda: blocked("Key is blocked. Update via `/key/unblock` if you're an admin."),
    "sk-team-blocked": lambda: blocked("Team=t1 is blocked. Update via `/team/unblock` if you're an admin."),
    "sk-key-budget": lambda: budget("Budget has been exceeded! Key=b5d...(alias) Current cost: 11.0, Max budget: 10.0"),
    "sk-team-budget": lambda: budget("Budget has been exceeded! Team=t1 Current cost: 11.0, Max budget: 10.0"),
    "sk-user-budget": lambda: budget("ExceededBudget: User=u1 over budget. Spend=11.0, Budget=10.0"),
    "sk-end-user-budget": lambda: budget("ExceededBudget: End User=localmodel over budget. Spend=11.0, Budget=10.0"),
    "sk-window-budget": lambda: budget("ExceededBudget: Key over 1d budget. Spend=$11.0000, Limit=$10.00"),
    "sk-token-budget": lambda: blocked("ExceededTokenBudget: Current spend for token: 11.0; Max Budget for Token: 10.0"),
    "sk-org-budget": lambda: budget("Budget has been exceeded! Organization=o1 Current cost: 11.0, Max budget: 10.0"),
    "sk-tag-budget": lambda: budget("Budget has been exceeded! Tag=ticket:1 Current cost: 11.0, Max budget: 10.0"),
}


async def check(request, api_key):
    key = (api_key or "").removeprefix("Bearer ")  # 1.83 asks for its own readiness, too
    if key in refusals:
        refusals[key]()
    return UserAPIKeyAuth(api_key=key)
