"""Every fenced block of the documents is run by a test or checked by its language."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import testing
from app.core import shared_identity
from tests.docs.block_checks import CHECKS, faults
from tests.docs.code_blocks import (
    EXAMPLES_OF_THE_API,
    RUN_BY,
    RUN_BY_THE_API,
    SCRIPTS_ELSEWHERE,
    Block,
    blocks,
    blocks_of,
    documents,
    report,
)
from tests.docs.project_files import ROOT
from tests.docs.test_statements import top_of

BLOCKS = blocks()


def of_kind(kind: str) -> list[Block]:
    return [block for block in BLOCKS if block.kind == kind]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_valid(block: Block) -> None:
    assert faults(block) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_fence_is_overlooked(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    fences = re.findall(r"^[ >]*(?:```|~~~)", text, re.MULTILINE)
    assert len(fences) == 2 * len(list(blocks_of(text, document.name)))


def test_the_tests_that_run_blocks_exist() -> None:
    for test in [*RUN_BY.values(), RUN_BY_THE_API, SCRIPTS_ELSEWHERE]:
        file, _, name = test.partition("::")
        assert name in top_of(ROOT / file), test
    assert {block.kind for block in BLOCKS} - {""} <= RUN_BY.keys()


def test_every_call_of_the_api_is_run() -> None:
    calls = [block for block in BLOCKS if re.search(r"^curl ", block.text, re.MULTILINE)]
    assert {block.document for block in calls} == {EXAMPLES_OF_THE_API}
    assert all(block.run_by for block in calls)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.run_by == SCRIPTS_ELSEWHERE], ids=str)
def test_a_script_runs_for_an_administrator(block: Block) -> None:
    with testing.gatehouse():
        at = AppTest.from_string(block.text, default_timeout=60)  # a busy machine is no fault
        testing.sign_in_as(at, roles=["administrator"])
        assert not at.run().exception


@pytest.mark.parametrize("block", of_kind("quoted"), ids=str)
def test_a_quotation_is_in_its_file(block: Block) -> None:
    """Its lines are in the file in this order, at any indentation."""
    lines = iter([line.strip() for line in (ROOT / block.name).read_text(encoding="utf-8").splitlines()])
    missing = [line for line in map(str.strip, block.text.splitlines()) if line not in lines]
    assert missing == []


@pytest.mark.parametrize("block", of_kind("refused"), ids=str)
def test_refused_code_is_refused(block: Block) -> None:
    tree = ast.parse(block.text)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    assert [leak.name for leak in shared_identity.in_tree(tree, file=block.name)] == functions


def test_the_inventory_names_a_test_for_each_block() -> None:
    lines = list(report())
    assert len(lines) == len(BLOCKS)
    assert all(re.search(r"\s\w+\s+tests/\S+::test_\w+$", line) for line in lines)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("", "x\n", "there is no check for a block without a language"),
        ("ruby", "x\n", "there is no check for ruby"),
        ("sh", "make missing\n", "make: there is no target missing"),
        ("sh", "make page COLOUR=red\n", "make: the Makefile does not read COLOUR"),
        ("sh", "gatehouse people lost\n", "gatehouse: there is no command lost"),
        ("sh", "gatehouse people list --serch x\n", "gatehouse: No such option"),
        ("sh", "gatehouse people add\n", "gatehouse: Missing argument"),
        ("sh", "gatehouse grants add x --until never --role viewer --reason y\n", "gatehouse: Invalid value"),
        ("sh", "python -m tests.missing\n", "python -m tests.missing does not run"),
        ("sh", 'curl "$API/api/v1/nothing"\n', "curl: the API has no GET /api/v1/nothing"),
        ("sh", 'curl -X DELETE "$API/api/v1/people"\n', "curl: the API has no DELETE /api/v1/people"),
        ("sh", "cp deploy/missing.conf /etc/\n", "deploy/missing.conf does not exist"),
        ("sh", "pip install -r missing.txt\n", "pip: missing.txt does not exist"),
        ("sh", "true | frobnicate x\n", "there is no check for this program"),
        ("sh", "GATEHOUSE_COLOUR=red\n", "GATEHOUSE_COLOUR is no setting"),
        ("sh", "if x; then\n", "yntax error"),
        ("crontab", "0 * * ssh a 'make missing'\n", "not five fields and a command"),
        ("crontab", "0 * * * * ssh a 'make missing'\n", "make: there is no target missing"),
        ("python", "def f(:\n", "invalid syntax"),
        ("python", "x = 1\n", "no comment says how it runs"),
        ("python", "import missing_module\n", "there is no missing_module"),
        ("python", "from app.core.policy import missing\n", "app.core.policy has no missing"),
        ("toml", "a = \n", "Invalid value"),
        ("json", "{,}\n", "Expecting property name"),
        ("yaml", "a: [\n", "while parsing"),
        ("env", "GATEHOUSE_COLOUR=red\n", "GATEHOUSE_COLOUR is no setting"),
        ("http", "X-Missing: 1\n", "no header field that the API sends"),
        ("mermaid", "flowchart LR\n", "not drawn by"),
        ("text", "app/missing.py   the module\n", "app/missing.py does not exist"),
    ],
)
def test_a_fault_of_a_block_is_noticed(language: str, text: str, expected: str) -> None:
    assert any(expected in fault for fault in faults(Block("x.md", 1, language, text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exports.onExecutePostLogin = async () => {};\n", "none that calls the API of Actions"),
        ("exports.onExecutePostLogin = async (event, api) => { api.x(event.user.name.length); };\n", "TypeError"),
        ("const = 1\n", "SyntaxError"),
    ],
)
def test_a_fault_of_an_action_is_noticed(text: str, expected: str) -> None:
    assert any(expected in fault for fault in faults(Block("x.md", 1, "js", text)))


def test_a_fault_of_a_hosted_apps_file_is_noticed() -> None:
    block = Block("x.md", 1, "toml", '[pages]\n"/" = "read:missing"\n', "file", "shop/gatehouse.toml")
    assert any("read:missing" in fault for fault in faults(block))


def test_every_language_has_a_check_that_is_tested() -> None:
    assert {block.language for block in BLOCKS} <= CHECKS.keys()
