"""Define parts of a site's configuration that do harm on the way from 4.4.6 to 5.0.10, or have no effect now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.rt.configuration import SITE_CONFIGURATION

ORIGIN, TARGET = "4.4.6", "5.0.10"
LOST, STRANGE = "options that the target no longer knows", "options that neither release knows"
READ = "UPGRADING on what the site uses"
_BROKEN = "plugins/RT-Extension-Broken/lib/RT/Extension/Broken.pm"


@dataclass(frozen=True)
class ConfigurationMutant:
    """A line of the configuration. fact: title of the report's section that must show it, "" for a finding.

    shows: the text there. files: files that belong to the line, below the directory of the site's configuration.
    """

    name: str
    reason: str
    line: str
    shows: str
    fact: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    check: str = "preflight"


# RT starts with all of these, so they can be in one file.
TOLD = (
    ConfigurationMutant(
        "option-dropped",
        "it does nothing any more, and nothing says so",
        "Set($AssetSearchFormat, q{'__id__'});",
        "AssetSearchFormat",
        LOST,
    ),
    ConfigurationMutant(
        "option-misspelt", "it never did anything", "Set($RtNmae, 'rt.example.org');", "RtNmae", STRANGE
    ),
    ConfigurationMutant(
        "option-of-an-extension-gone",
        "what it belonged to is no longer there",
        "Set(%ProbeSettings, a => 1);",
        "ProbeSettings",
        STRANGE,
    ),
    ConfigurationMutant(
        "option-renamed",
        "UPGRADING says what it is called now",
        "Set($AssetSimpleSearchFormat, q{'__id__'});",
        "FROM RT 4.4.0 and greater, AssetS(?:earchFormat, AssetS)?impleSearchFormat",
        READ,
    ),
    ConfigurationMutant(
        "option-of-another-default",
        "UPGRADING says that the default is another one now",
        "Set($WebSecureCookies, 0);",
        "FROM 5.0.3 AND EARLIER, WebSecureCookies",
        READ,
    ),
    ConfigurationMutant(
        "plugin-absorbed",
        "two of the same on one page",
        "Plugin('RT::Extension::QuoteSelection');",
        "Plugin RT::Extension::QuoteSelection: the target release has absorbed",
    ),
    ConfigurationMutant(
        "plugin-absorbed-in-a-list",
        "the other way to name it, and another way to say so",
        "Set(@Plugins, qw(RT::Extension::FormattedTransaction));",
        "Plugin RT::Extension::FormattedTransaction: the target release has absorbed",
    ),
)
# RT does not start with any of these, so each is tested alone.
FATAL = (
    ConfigurationMutant(
        "plugin-missing",
        "it did not come along",
        "Plugin('RT::Extension::NotThere');",
        "Plugin RT::Extension::NotThere: the target cannot load",
    ),
    ConfigurationMutant(
        "plugin-broken",
        "it needs a module that the new system does not have",
        "Plugin('RT::Extension::Broken');",
        "Plugin RT::Extension::Broken: the target cannot load",
        files={_BROKEN: "package RT::Extension::Broken; use Not::There; 1;"},
    ),
    ConfigurationMutant(
        "syntax-error",
        "neither the site nor the upgrade starts",
        "Set($WebDomain, 'rt.example.org'",
        "configuration: the target cannot read it",
    ),
    ConfigurationMutant(
        "dies",
        "a configuration is a program, and this one gives up",
        "die 'no such host';",
        "configuration: the target cannot read it",
    ),
)
TIME_ZONES = ConfigurationMutant(
    "no-time-zones", "charts by day are empty", "Set($ChartsTimezonesInDB, 1);", "the server has none loaded"
)
STORAGE = ConfigurationMutant(
    "storage-forgotten",
    "what was moved there cannot be read any more: a line of the old side's file alone",
    "Set(%ExternalStorage, Type => 'Disk', Path => '/srv/attachments');",
    "CONFIG names it and CONFIG_NEW does not: 3 contents are kept outside",
)
CLOUD = ConfigurationMutant(
    "storage-without-its-module",
    "every attachment that was moved there is empty, and only the log says so",
    "Set(%ExternalStorage, Type => 'AmazonS3', Bucket => 'rt', AccessKeyId => 'x', SecretAccessKey => 'y');",
    "ExternalStorage: the target cannot load Amazon::S3, .*: 3 contents so far",
)
NO_STORAGE = ConfigurationMutant(
    "storage-of-an-extension",
    "what was kept there is read by nobody",
    "Set(%ExternalStorage, Type => 'Tape');",
    "ExternalStorage: the target cannot load Tape, ",
)
OUTSIDE = (
    "UPDATE Attachments SET ContentEncoding = 'external', Content = SHA2(id, 256) WHERE Content > '' LIMIT 2",
    "INSERT INTO ObjectCustomFieldValues"
    " (ObjectType, ObjectId, CustomField, ContentEncoding, Creator, LastUpdatedBy)"
    " VALUES ('RT::Ticket', 1, 1, 'external', 1, 1)",
)
"""Content as rt-externalize-attachments leaves it in a database."""
WITHOUT_TIME_ZONES = ("DELETE FROM mysql.time_zone_name", "FLUSH TABLES")
GOOD = "Set($rtname, 'rt.example.org');\nSet(@ReferrerWhitelist, qw(www.example.org:443));\n"
FILE = f"{SITE_CONFIGURATION}/site.pm"
FORGOTTEN = {
    "Set($RTAddressRegexp, qr/help@example[.]org/);": "RTAddressRegexp",
    "Set($EmailSubjectTagRegex, qr/helpdesk/);": "EmailSubjectTagRegex",
    "Set($MaxAttachmentSize, 100_000_000);": "MaxAttachmentSize",
    "Set(%ServiceAgreements, Default => 'two hours', Levels => {'two hours' => 120});": "ServiceAgreements",
    "Set(@MailPlugins, qw(Auth::MailFrom Action::CommandByMail));": "MailPlugins",
    "Plugin('RT::Extension::CommandByMail');": "RT::Extension::CommandByMail",
    "Set(@Plugins, qw(RT::Extension::MergeUsers));": "RT::Extension::MergeUsers",
    "Set($CommandByMailGroup, 12);": "CommandByMailGroup",
}
"""Lines of the old side's configuration, and what the report must name if the new side lacks them."""
RIGHTLY_GONE = (
    "Set($AssetSearchFormat, q{'__id__'});",  # the target no longer has it
    "Plugin('RT::Extension::QuoteSelection');",  # the target contains this one
    "Set($WebDomain, 'rt.example.org');",  # copies and the image override it
    "Set(%ExternalStorage, Type => 'Disk', Path => '/srv/attachments');",  # has a finding of its own
)
