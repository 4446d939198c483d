"""Makes what an update sends out of what `write` made and the record as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plugins.crm_generic.endpoints import Elements


def laid_over(record: Any, made: Any) -> Any:
    """Return the record with what is sent laid over it, for a CRM whose update replaces the whole record."""
    if not isinstance(record, Mapping) or not isinstance(made, Mapping):
        return made
    return {**record, **{key: laid_over(record.get(key), part) for key, part in made.items()}}


def with_ids(made: Any, record: Any, lists: Sequence[Elements]) -> Any:
    """Give each part of a list the id of the record's part with the same value; name those that are to go.

    A CRM that knows these parts by ids takes one without an id for one more.
    """
    for elements in lists:
        *tables, last = elements.field.split(".")
        table = _table(made, tables)
        if table is None or last not in table:
            continue
        now = _table(record, tables)
        held = [part for part in (now or {}).get(last) or [] if isinstance(part, Mapping)]
        table[last] = _matched(table[last] or [], held, elements)
    return made


def _table(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else None


def _matched(wanted: Any, held: Sequence[Mapping[str, Any]], elements: Elements) -> list[Any]:
    left = list(held)
    made: list[Any] = []
    for part in wanted if isinstance(wanted, list) else []:
        value = part.get(elements.value) if isinstance(part, Mapping) else None
        same = next((one for one in left if one.get(elements.value) == value), None)
        if same is None:
            made.append(part)
        else:
            left.remove(same)
            made.append({elements.id: same.get(elements.id), elements.value: value})
    return made + [{elements.id: one.get(elements.id), **elements.remove} for one in left]
