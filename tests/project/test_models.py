"""What every model must have, read from dbt's manifest: a grain that is said and tested, and words for each column."""

import json

import pytest
from support import PROJECT_ROOT

GRAIN_TESTS = {"unique", "unique_grain", "single_row"}

# A view whose rows a mart takes one by one: testing the mart's grain tests it, without computing it a second time.
TESTED_BY_MART = {"int_attribution_credits__shared": "attribution_credits"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """The manifest of the project as it is checked out."""
    from dbt.cli.main import dbtRunner

    target = tmp_path_factory.mktemp("target")
    arguments = ["parse", "--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT), "--quiet"]
    result = dbtRunner().invoke([*arguments, "--target-path", str(target), "--log-path", str(target)])
    assert result.success, result.exception
    return json.loads((target / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest):
    """The project's models."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def test_every_model_says_its_grain_first(models):
    """A reader must know what a row is before anything else."""
    first_words = {model["name"]: model["description"].split()[:2] for model in models}
    assert {name for name, words in first_words.items() if words not in (["One", "row"], ["One", "row:"])} == set()


def test_every_model_tests_its_grain(manifest, models):
    """A grain that is only said is broken by the first careless join."""
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") in GRAIN_TESTS
    }
    untested = {model["name"] for model in models if model["unique_id"] not in tested}
    assert untested == set(TESTED_BY_MART)
    assert untested.isdisjoint(TESTED_BY_MART.values())


def test_every_column_has_a_description(manifest, models):
    """Models, seeds and sources alike: the docs site shows them side by side."""
    described = models + [node for node in manifest["nodes"].values() if node["resource_type"] == "seed"]
    described += list(manifest["sources"].values())
    missing = {
        f"{node['name']}.{column['name']}"
        for node in described
        for column in node["columns"].values()
        if not column["description"].strip()
    }
    assert missing == set()
    assert {node["name"] for node in described if not node["columns"] or not node["description"].strip()} == set()


def test_every_mart_has_an_enforced_contract_and_an_example_question(models):
    """Marts are what other people's queries rely on."""
    marts = [model for model in models if model["fqn"][1] == "marts"]
    assert marts
    assert {mart["name"] for mart in marts if not mart["contract"]["enforced"]} == set()
    assert {mart["name"] for mart in marts if "Example question" not in mart["description"]} == set()


def test_no_model_reads_a_layer_to_its_right(models):
    """Staging, intermediate, marts: data flow one way."""
    layers = ["staging", "intermediate", "marts"]
    layer_of = {model["unique_id"]: layers.index(model["fqn"][1]) for model in models}
    backwards = {
        (model["name"], parent)
        for model in models
        for parent in model["depends_on"]["nodes"]
        if layer_of.get(parent, 0) > layer_of[model["unique_id"]]
    }
    assert backwards == set()


def test_what_goes_by_the_time_is_marked_so(models):
    """A refresh builds these with whatever it builds, so that all figures are of one instant."""
    ages = {model["name"] for model in models if "macro.throughline.as_of" in model["depends_on"]["macros"]}
    assert "int_bookings__resolved" in ages
    assert {model["name"] for model in models if "ages" in model["tags"]} == ages


def test_only_staging_reads_sources(models):
    """What is renamed and typed once is not read raw a second time."""
    readers = {
        model["name"]
        for model in models
        if model["fqn"][1] != "staging" and any(p.startswith("source.") for p in model["depends_on"]["nodes"])
    }
    assert readers == set()
