"""Stream's billing exports: its users, transactions and products, with whichever separator they come."""

from pathlib import Path

from ingestion.currencies import default_currency
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
    return f"({_slashed(text, order)} is not null and {_slashed(text, _other(order))} is null)"


def _other(order: str) -> str:
    return DATE_ORDERS[1 - DATE_ORDERS.index(order)]


def _billing_time(date_order: str) -> Kind:
    """A time as billing systems write it: ISO, or with slashes, in which case all dates of the file have one order.

    Args:
        date_order: What is first where every date of the file can be read in both orders.
    """
    other = _other(date_order)
    is_other = f"bool_or({_proves('{text}', other)}) over (partition by trimmed.file_number)"
    return Kind(
        "timestamp",
        rf"case when regexp_matches({{text}}, '^20\d\d-') then {TIMESTAMP.expression}"
        f" when {is_other} then {_slashed('{text}', other)} else {_slashed('{text}', date_order)} end",
        "is no time like 1/31/24 7:05 or 2024-01-31 07:05 from 2000 to 2099",
    )


# Of the dates of a file, as SQL that aggregates them: whether one can be read in each order only, whether one may mean
# two days (not where day and month are the same number), and so whether nothing says which order they have.
_HAS_PROOF = {order: f"bool_or({_proves(_DATE_CELL, order)})" for order in DATE_ORDERS}
_IS_EITHER = f"{_slashed(_DATE_CELL, 'month_first')} != {_slashed(_DATE_CELL, 'day_first')}"
_IS_UNDECIDED = f"(bool_or({_IS_EITHER}) and not ({' or '.join(_HAS_PROOF.values())}))"


def _refusal(date_order: str | None) -> str:
    """SQL for why a file is refused: its dates have both orders, or a default that another file speaks against.

    Args:
        date_order: What the setting says, if it is set: then whoever set it knows better.
    """
    line, date = (
        {order: f"arg_min({what}, line) filter (where {_proves(_DATE_CELL, order)})" for order in DATE_ORDERS}
        for what in ("line", _DATE_CELL)
    )
    default, other = DATE_ORDERS
    file_with_other = f"max(case when {_HAS_PROOF[other]} then any_value(files.name) end) over ()"
    against_default = f"""
        when {_IS_UNDECIDED} and {file_with_other} is not null then format(
            'has only dates that may have the day or the month first, and {{}} has the day first; nothing was loaded.'
            ' Set SOURCES__STREAM__DATE_ORDER to {other}, or to {default} if this file is of another kind.',
            {file_with_other}
        )
    """
    return f"""
        case when {" and ".join(_HAS_PROOF.values())} then format(
            'has dates of both orders: line {{}} ({{}}) has the month first, line {{}} ({{}}) the day;'
            ' nothing was loaded. Export the file again with dates of one order, or like 2024-01-31 07:05.',
            {line["month_first"]}, {date["month_first"]}, {line["day_first"]}, {date["day_first"]}
        ) {against_default if date_order is None else ""} end
    """


def _remark(date_order: str | None) -> str:
    """SQL for what is said of a file whose dates were read by the setting, or show that it should be set.

    Args:
        date_order: What the setting says, if it is set.
    """
    default, other = DATE_ORDERS
    assumed = date_order or default
    advice = f"""
        when {_HAS_PROOF[other]} then
            'has the day first; set SOURCES__STREAM__DATE_ORDER to {other}, so that files whose dates may have the'
            ' day or the month first are read so, too.'
    """
    return f"""
        case when {_IS_UNDECIDED} then format(
            'has only dates that may have the day or the month first; as SOURCES__STREAM__DATE_ORDER is {assumed},'
            ' {{}} on line {{}} was read as {{}}.',
            arg_min({_DATE_CELL}, line) filter (where {_IS_EITHER}),
            min(line) filter (where {_IS_EITHER}),
            strftime(arg_min({_slashed(_DATE_CELL, assumed)}, line) filter (where {_IS_EITHER}), '%Y-%m-%d')
        ) {advice if date_order is None else ""} end
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
            refusal=_refusal(date_order),
            remark=_remark(date_order),
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
    # A blank one is none.
    date_order = source_setting("stream", "date_order") or None
    if date_order and date_order.lower() not in DATE_ORDERS:
        raise ThroughlineError(
            f"SOURCES__STREAM__DATE_ORDER is {date_order}, which is no order of dates; write"
            f" {' or '.join(DATE_ORDERS)}."
        )
    return stream_tables(default_currency("stream"), date_order and date_order.lower())


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
