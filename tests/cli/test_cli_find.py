"""Finding the app: where it is looked for, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cli_shop import Shop

_FORMS = [
    ("nosuch:app", ["nosuch", "tasks.py"]),
    ("taks:app", ['no module "taks"', "tasks:app"]),
    ("tasks:ap", ['no "ap"', "these apps: app", "tasks:app"]),
    ("tasks:hello", ["hello", "not an App", "tasks:app"]),
    ("tasks:TASKS.more", ["TASKS", "tasks:app"]),
    ("tasks.py", ["names a file", "tasks:app"]),
    ("tasks.py:app", ["names a file", "tasks:app"]),
    ("./tasks.py:app", ["names a file", "tasks:app"]),
    ("tasks.app", ["tasks.app", "tasks:app"]),
    ("tasks:", ["after the colon", "tasks:app"]),
    (":app", ["MODULE:APP", "tasks:app"]),
    ("", ["MODULE:APP"]),
    ("two words", ["two words", "tasks:app"]),
    ("noapp:app", ['no "app"', "app = App()"]),
    ("noapp", ["no app", "app = App(...)"]),
    ("twoapps", ["2 apps: one, two", "twoapps:one"]),
    ("leaves:app", ["SystemExit", "__main__"]),
]


@pytest.mark.parametrize(("spec", "words"), _FORMS, ids=[repr(form[0]) for form in _FORMS])
def test_a_wrong_module_app(shop: Shop, refused: Callable[..., None], spec: str, words: list[str]) -> None:
    shop.write("noapp.py", "x = 1\n")
    shop.write("twoapps.py", "from longshore import App\none = App()\ntwo = App()\n")
    shop.write("leaves.py", "import sys\nsys.exit(3)\n")
    said = shop.run("worker", spec, "--burst") if spec else shop.run("worker", LONGSHORE_APP=":")
    refused(said, 2, *words)


def test_a_module_alone_is_enough_where_it_has_one_app(shop: Shop) -> None:
    assert shop.run("worker", "tasks", "--burst").code == 0


_DEFINITIONS = {
    "taken": ("@app.task(name='a')\ndef f(): ...\n@app.task(name='a')\ndef g(): ...\n", ["taken", "name="]),
    "lambda": ("app.task(lambda: 1)\n", ["lambda", "name="]),
    "url": ("app = App('sqlit:///x.db')\n", ["sqlit", "sqlite://"]),
    "option": ("@app.task(retries=3)\ndef f(): ...\n", ["retries"]),
}


@pytest.mark.parametrize("name", _DEFINITIONS)
def test_a_wrong_definition_is_said_with_its_line(
    shop: Shop, refused: Callable[..., None], name: str
) -> None:
    text, words = _DEFINITIONS[name]
    shop.write("wrong.py", f"from longshore import App\napp = App()\n{text}")
    refused(shop.run("worker", "wrong:app"), 2, "wrong.py line ", *words)


def test_a_module_that_fails_shows_the_users_own_frames_only(shop: Shop) -> None:
    shop.write("outer.py", "import inner\n")
    shop.write("inner.py", "def f():\n    return 1 / 0\n\n\nf()\n")
    said = shop.run("worker", "outer:app")
    assert said.code == 2
    assert '"outer" was found, but importing it fails, in inner.py line 2: ZeroDivisionError' in said.err
    assert 'outer.py", line 1' in said.err
    assert 'inner.py", line 5' in said.err
    assert "importlib" not in said.err
    assert "longshore/cli" not in said.err


def test_a_module_with_a_syntax_error(shop: Shop) -> None:
    shop.write("wrong.py", "def f(:\n    pass\n")
    said = shop.run("worker", "wrong:app")
    assert said.code == 2
    assert "in wrong.py line 1: SyntaxError" in said.err
    assert "importlib" not in said.err


def test_a_missing_module_inside_is_told_from_a_mistyped_one(shop: Shop) -> None:
    shop.write("outer.py", "import nosuchthing\n")
    said = shop.run("worker", "outer:app")
    assert said.code == 2
    assert '"outer" was found' in said.err
    assert "No module named 'nosuchthing'" in said.err


def test_the_app_is_found_where_nobody_names_it(shop: Shop) -> None:
    assert "tasks:app (found here)" in shop.run("stats").err
    shop.write("app.py", "from longshore import App\nmine = App('sqlite:///other.db')\n")
    both = shop.run("stats")
    assert both.code == 2
    assert "both tasks.py and app.py" in both.err
    shop.write("pyproject.toml", '[tool.longshore]\napp = "app:mine"\n')
    assert "app:mine (from pyproject.toml), sqlite:///other.db" in shop.run("stats").err
    assert "tasks:app (from LONGSHORE_APP)" in shop.run("stats", LONGSHORE_APP="tasks:app").err
    named = shop.run("stats", "--app", "tasks:app", LONGSHORE_APP="app:mine")
    assert named.err == ""
    assert "sqlite:///jobs.db" in named.out


def test_a_store_alone_is_enough(shop: Shop) -> None:
    job = shop.enqueue("hello", "name=you")
    (shop.folder / "tasks.py").unlink()
    assert job in shop.run("jobs", "list", "--url", shop.url).out
    by_environment = shop.run("jobs", "list", LONGSHORE_URL=shop.url)
    assert job in by_environment.out
    assert "from LONGSHORE_URL" in by_environment.err


def test_an_app_in_a_package_and_a_sub_folder(bare: Shop) -> None:
    bare.write("shop/__init__.py", "")
    bare.write("shop/jobs.py", "from longshore import App\napp = App('sqlite:///jobs.db')\n")
    assert bare.run("stats", "--app", "shop.jobs:app").code == 0
    wrong = bare.run("stats", "--app", "shop.job:app")
    assert wrong.code == 2
    assert 'no module "shop.job"' in wrong.err


@pytest.mark.parametrize("text", ["[tool.longshore\n", "[tool.longshore]\napp = 3\n"])
def test_a_pyproject_that_cannot_be_used(bare: Shop, refused: Callable[..., None], text: str) -> None:
    bare.write("pyproject.toml", text)
    refused(bare.run("stats"), 2, "pyproject.toml")


def test_nothing_to_be_found(bare: Shop, refused: Callable[..., None]) -> None:
    refused(bare.run("worker"), 2, "no app", "longshore init")
    refused(bare.run("stats"), 2, "--app MODULE:APP", "--url")
    refused(bare.run("enqueue", "x"), 2, "no app", "--app")
