"""The currencies that money may be in."""

import re

from ingestion.errors import ThroughlineError
from ingestion.settings import source_setting

# ISO 4217, the active codes of people's money, with those withdrawn since 2000 that older exports still hold.
_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BYR BZD
    CAD CDF CHF CLP CNY COP CRC CUC CUP CVE CYP CZK DJF DKK DOP DZD EEK EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
    KYD KZT LAK LBP LKR LRD LSL LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MTL MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
    SIT SKK SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VEF VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMK ZMW ZWD ZWG ZWL
"""

CURRENCIES = tuple(re.findall("[A-Z]{3}", _CODES))


def default_currency(source: str) -> str:
    """What money of a source is in where a record does not say it: SOURCES__<SOURCE>__CURRENCY, else USD.

    Raises:
        ThroughlineError: The setting is no currency.
    """
    currency = source_setting(source, "currency") or "USD"
    if currency.upper() not in CURRENCIES:
        raise ThroughlineError(
            f"SOURCES__{source.upper()}__CURRENCY is {currency}, which is no ISO 4217 code; write it like USD."
        )
    return currency.upper()
