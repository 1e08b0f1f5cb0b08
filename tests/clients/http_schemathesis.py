"""Hooks for schemathesis: valid requests are about an auction that there is, so that they come to the rules.

`GAVEL_TEST_AUCTION` is its id. Requests that are wrong on purpose are left as they are made.
"""

import os

import schemathesis
from schemathesis import GenerationMode


@schemathesis.hook
def map_case(context, case):
    is_valid = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if is_valid and "auction" in (case.path_parameters or {}):
        case.path_parameters["auction"] = os.environ["GAVEL_TEST_AUCTION"]
    return case
