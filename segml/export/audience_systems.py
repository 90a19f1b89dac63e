"""What each marketing tool takes: columns, forms of addresses, and how large a file may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .identifiers import AddressForm

#: What a column can hold, beside the name that the system knows it by.
CONTENTS = ("address", "phone", "country", "customer_id", "segment", "group", "run_id")


@dataclass(frozen=True)
class System:
    """A marketing tool that takes files of customers.

    Parameters
    ----------
    label : str
        Its name.
    columns : mapping of str to str
        Column of the file to what it holds, one of `CONTENTS`, in order.
    form : {"csv", "identify"}
        A CSV file with a header, or one JSON object of an identify call a line.
    address : {"plain", "google"}
        Normal form of e-mail addresses.
    plus : bool
        Whether phone numbers begin with a plus sign.
    hashed : bool
        Whether addresses, phone numbers and countries are hashed, and each segment has a
        file of its own, as such lists have no column for it.
    longest_address : int
        Most characters of an address.
    most_rows, most_bytes : int, optional
        Of one file; what is more goes into further files.
    least_rows : int
        Of a list that can be used.
    source : str
        Where the system says so.
    """

    label: str
    columns: Mapping[str, str]
    form: str = "csv"
    address: AddressForm = "plain"
    plus: bool = True
    hashed: bool = False
    longest_address: int = 254
    most_rows: int | None = None
    most_bytes: int | None = None
    least_rows: int = 1
    source: str = ""

    @property
    def suffix(self) -> str:
        """What a file's name ends with."""
        return ".csv" if self.form == "csv" else ".jsonl"


#: The systems by the name that `to_audience` takes.
SYSTEMS: Mapping[str, System] = MappingProxyType(
    {
        "klaviyo": System(
            "Klaviyo",
            {
                "Email": "address",
                "Phone Number": "phone",
                "External ID": "customer_id",
                "Segment": "segment",
                "Experiment Group": "group",
                "Segment Run": "run_id",
            },
            most_bytes=50_000_000,
            source="help.klaviyo.com/hc/en-us/articles/115005078967",
        ),
        "mailchimp": System(
            "Mailchimp",
            {
                "Email Address": "address",
                "Phone Number": "phone",
                "Customer ID": "customer_id",
                "Segment": "segment",
                "Experiment Group": "group",
                "Segment Run": "run_id",
            },
            source="mailchimp.com/help/format-guidelines-for-your-import-file",
        ),
        "constant_contact": System(
            "Constant Contact",
            {
                "Email Address": "address",
                "Phone Number - Mobile": "phone",
                "Customer ID": "customer_id",
                "Segment": "segment",
                "Experiment Group": "group",
                "Segment Run": "run_id",
            },
            longest_address=80,
            most_rows=999_999,
            most_bytes=100_000_000,
            source="knowledgebase.constantcontact.com, articles 37423 and 35742",
        ),
        "hubspot": System(
            "HubSpot",
            {
                "Email": "address",
                "Phone Number": "phone",
                "Customer ID": "customer_id",
                "Segment": "segment",
                "Experiment Group": "group",
                "Segment Run": "run_id",
            },
            most_rows=1_048_575,
            most_bytes=512_000_000,
            source="knowledge.hubspot.com/import-and-export/set-up-your-import-file",
        ),
        "salesforce": System(
            "Salesforce",
            {
                "Customer_ID__c": "customer_id",
                "Email": "address",
                "MobilePhone": "phone",
                "Segment__c": "segment",
                "Experiment_Group__c": "group",
                "Segment_Run__c": "run_id",
            },
            longest_address=80,
            most_bytes=100_000_000,
            source="developer.salesforce.com, Bulk API 2.0, Prepare CSV Files",
        ),
        "segment": System(
            "Segment",
            {
                "userId": "customer_id",
                "email": "address",
                "phone": "phone",
                "segment": "segment",
                "experiment_group": "group",
                "segment_run": "run_id",
            },
            form="identify",
            source="twilio.com/docs/segment/connections/spec/identify",
        ),
        "meta": System(
            "Meta custom audience",
            {"email": "address", "phone": "phone", "country": "country"},
            plus=False,
            hashed=True,
            least_rows=100,
            source="facebook.com/business/help/2082575038703844",
        ),
        "google_ads": System(
            "Google Ads customer match",
            {"Email": "address", "Phone": "phone"},
            address="google",
            hashed=True,
            source="support.google.com/google-ads/answer/7659867 and "
            "developers.google.com/data-manager/api/devguides/concepts/formatting",
        ),
    }
)
