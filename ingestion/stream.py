"""Stream's billing exports: its users, transactions and products, with whichever separator they come."""

from pathlib import Path

from ingestion.currencies import CURRENCIES
from ingestion.declarations import CURRENCY, DECIMAL, EMAIL, TIMESTAMP, Column, FileTable, Kind
from ingestion.errors import ThroughlineError
from ingestion.file_loads import land_files
from ingestion.settings import source_setting

DATE_ORDERS = ("month_first", "day_first")

_DATE = "date_(utc)"
_DATE_CELL = f'"{_DATE}"'
_WRITTEN_SLASHED = r"(\d{1,2}/\d{1,2})/(?:20)?(\d\d)(?:,? +(\d{1,2}:\d\d(?::\d\d)?)(?: ?([AaPp][Mm]))?)?"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def _slashed(text: str, order: str) -> str:
    """SQL for the time that a text like `1/31/24 7:05` is in an order; null where it is none."""
    day = "%m/%d/%Y" if order == "month_first" else "%d/%m/%Y"
    # Brought into one spelling first: a year of two digits would be one of the first century.
    spelt = rf"trim(regexp_replace({text}, '^{_WRITTEN_SLASHED}$', '\1/20\2 \3 \4'))"
    return (
        f"case when regexp_full_match({text}, '{_WRITTEN_SLASHED}')"
        f" then try_strptime({spelt}, {[day + clock for clock in _CLOCKS]}) end"
    )


def _proves(text: str, order: str) -> str:
    """SQL for whether a date can be read in this order only."""
    (other,) = set(DATE_ORDERS) - {order}
    return f"({_slashed(text, order)} is not null and {_slashed(text, other)} is null)"


def _billing_time(date_order: str) -> Kind:
    """A time as billing systems write it: ISO, or with slashes, in which case all dates of the file have one order.

    Args:
        date_order: What is first where every date of the file can be read in both orders.
    """
    (other,) = set(DATE_ORDERS) - {date_order}
    is_other = f"bool_or({_proves('{text}', other)}) over (partition by trimmed.file_number)"
    return Kind(
        "timestamp",
        rf"case when regexp_matches({{text}}, '^20\d\d-') then {TIMESTAMP.expression}"
        f" when {is_other} then {_slashed('{text}', other)} else {_slashed('{text}', date_order)} end",
        "is no time like 1/31/24 7:05 or 2024-01-31 07:05 from 2000 to 2099",
    )


def _first_proof(order: str, what: str) -> str:
    """SQL for the first line of a file whose date can be read in this order only, or the date that it has."""
    return f"arg_min({what}, line) filter (where {_proves(_DATE_CELL, order)})"


def _is_undecided(date_order: str) -> str:
    """SQL for whether the dates of a file leave it open which order they have."""
    (other,) = set(DATE_ORDERS) - {date_order}
    has_proof = " or ".join(_proves(_DATE_CELL, order) for order in DATE_ORDERS)
    # Where day and month are the same number there is nothing to decide.
    return f"(bool_or({_is_either(date_order, other)}) and not bool_or({has_proof}))"


def _is_either(order: str, other: str) -> str:
    return f"{_slashed(_DATE_CELL, order)} != {_slashed(_DATE_CELL, other)}"


def _contradiction(date_order: str | None) -> str:
    """SQL for why a file is refused: its dates have both orders, or another than nobody said they had.

    Args:
        date_order: What the setting says, if it is set: then whoever set it knows better.
    """
    lines = {order: _first_proof(order, "line") for order in DATE_ORDERS}
    dates = {order: _first_proof(order, _DATE_CELL) for order in DATE_ORDERS}
    return f"""
        case when {lines["month_first"]} is not null and {lines["day_first"]} is not null then format(
            'has dates of both orders: line {{}} ({{}}) has the month first, line {{}} ({{}}) the day;'
            ' nothing was loaded. Export the file again with dates of one order, or like 2024-01-31 07:05.',
            {lines["month_first"]}, {dates["month_first"]}, {lines["day_first"]}, {dates["day_first"]}
        ) {_other_file() if date_order is None else ""} end
    """


def _other_file() -> str:
    """SQL for one more case: another file that is read shows that this one is hardly in the default's order."""
    default, other = DATE_ORDERS
    file_with_other = f"max(case when bool_or({_proves(_DATE_CELL, other)}) then any_value(files.name) end) over ()"
    return f"""
        when {_is_undecided(default)} and {file_with_other} is not null then format(
            'has only dates that may have the day or the month first, and {{}} has the day first; nothing was loaded.'
            ' Set SOURCES__STREAM__DATE_ORDER to {other}, or to {default} if this file is of another kind.',
            {file_with_other}
        )
    """


def _assumption(date_order: str, *, is_set: bool) -> str:
    """SQL for what is said of a file whose dates leave their order to the setting, or show that it should be set.

    Args:
        date_order: What such a file is read by.
        is_set: Whether the setting says so, or nobody.
    """
    (other,) = set(DATE_ORDERS) - {date_order}
    is_either = _is_either(date_order, other)
    advice = f"""
        when bool_or({_proves(_DATE_CELL, other)}) then
            'has the day first; set SOURCES__STREAM__DATE_ORDER to {other}, so that files whose dates may have the'
            ' day or the month first are read so, too.'
    """
    return f"""
        case when {_is_undecided(date_order)} then format(
            'has only dates that may have the day or the month first; as SOURCES__STREAM__DATE_ORDER is {date_order},'
            ' {{}} on line {{}} was read as {{}}.',
            arg_min({_DATE_CELL}, line) filter (where {is_either}),
            min(line) filter (where {is_either}),
            strftime(arg_min({_slashed(_DATE_CELL, date_order)}, line) filter (where {is_either}), '%Y-%m-%d')
        ) {"" if is_set else advice} end
    """


def stream_tables(currency: str, date_order: str | None) -> list[FileTable]:
    """The tables of raw_stream.

    Args:
        currency: What money is in where a transaction does not say it.
        date_order: What is first in a date, where no date of the file shows it: one of DATE_ORDERS, or None for the
            first of them as long as no file shows another.
    """
    assumed = date_order or DATE_ORDERS[0]
    exported_at = Column("exported_at", TIMESTAMP, computed="file_modified_at")
    return [
        FileTable(
            name="transactions",
            pattern="*transactions*",
            has_any_separator=True,
            reading=f"{currency},{assumed}",
            refusal=_contradiction(date_order),
            remark=_assumption(assumed, is_set=date_order is not None),
            key="transaction_id",
            columns=(
                Column("transaction_id", is_required=True),
                Column("customer_id"),
                Column("subscription_id"),
                Column("transaction_at", _billing_time(assumed), is_required=True, header=_DATE),
                Column("total", DECIMAL),
                Column("currency", CURRENCY, is_optional=True, default=currency),
            ),
        ),
        FileTable(
            name="users",
            pattern="*users*",
            has_any_separator=True,
            # A customer's rows have no key of their own: each spelling is kept once, at its last place in the files.
            key="user_key",
            has_last_origin=True,
            columns=(
                Column(
                    "user_key",
                    computed="cast(to_json([customer_id, customer_name, customer_email]) as varchar)",
                ),
                Column("customer_id", is_required=True),
                Column("customer_name"),
                Column("customer_email", EMAIL),
                exported_at,
            ),
        ),
        FileTable(
            name="products",
            pattern="*products*",
            has_any_separator=True,
            key="subscription_line_key",
            has_last_origin=True,
            columns=(
                Column("subscription_line_key", computed="cast(to_json([subscription_id, plan]) as varchar)"),
                Column("subscription_id", is_required=True),
                Column("plan", is_required=True),
                Column("product"),
                Column("billing_interval", header="interval"),
                Column("amount", DECIMAL),
                Column("status"),
                exported_at,
            ),
        ),
    ]


def tables() -> list[FileTable]:
    """What files fill, with the currency and the order of dates of the settings.

    Raises:
        ThroughlineError: A setting has a value that means nothing.
    """
    currency = source_setting("stream", "currency") or "USD"
    if currency.upper() not in CURRENCIES:
        raise ThroughlineError(
            f"SOURCES__STREAM__CURRENCY is {currency}, which is no ISO 4217 code; write it like USD."
        )
    date_order = source_setting("stream", "date_order")
    if date_order and date_order.lower() not in DATE_ORDERS:
        raise ThroughlineError(
            f"SOURCES__STREAM__DATE_ORDER is {date_order}, which is no order of dates; write"
            f" {' or '.join(DATE_ORDERS)}."
        )
    return stream_tables(currency.upper(), date_order and date_order.lower())


def load(url: str, warehouse: Path, *, reread: bool = False) -> None:
    """Loads exports into raw_stream, merged by their keys.

    Args:
        url: A folder or an s3:// prefix with the exports.
        warehouse: The DuckDB file to load into.
        reread: Read unchanged files again, too.

    Raises:
        ThroughlineError: A setting means nothing, a file lacks a column, has dates of both orders or cannot be read;
            the warehouse is then as before.
    """
    land_files("stream", url, tables(), warehouse, reread=reread)
