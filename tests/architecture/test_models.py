import pytest
from django.apps import apps
from django.db import models

from tests.architecture.project import floors

OURS = [model for model in apps.get_models() if model._meta.app_label.endswith("_app")]


def relations(model: type[models.Model]) -> list[tuple[str, type[models.Model]]]:
    """Return the fields of a model that point elsewhere, with where they point."""
    return [
        (field.name, field.related_model)
        for field in [*model._meta.fields, *model._meta.many_to_many]
        if isinstance(field.related_model, type)
    ]


def test_our_models_are_found() -> None:
    assert {"Agent", "Run", "PromptTemplate", "Tool", "KnowledgeBase", "Session", "Workspace"} <= {
        model.__name__ for model in OURS
    }


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_relations_point_to_the_same_app_or_to_a_lower_floor(model: type[models.Model]) -> None:
    own = model._meta.app_label
    upward = [
        f"{name} -> {target._meta.label}"
        for name, target in relations(model)
        if target._meta.app_label in floors()
        and target._meta.app_label != own
        and floors()[target._meta.app_label] >= floors()[own]
    ]
    assert upward == []


@pytest.mark.parametrize(
    "model",
    [model for model in OURS if not model._meta.auto_created],
    ids=lambda model: model._meta.label,
)
def test_every_list_of_rows_has_an_order(model: type[models.Model]) -> None:
    assert model._meta.ordering
