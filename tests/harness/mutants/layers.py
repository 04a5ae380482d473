"""Define secrets that a build leaves in a layer; all can be planted together and removed in the next layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerMutant:
    """A file of a layer that holds a secret. path: without a leading slash."""

    name: str
    reason: str
    path: str
    text: str
    check: str = "layers"


MUTANTS = (
    LayerMutant(
        "mounted-settings",
        "copied in to try the image, and where a deployment would mount them",
        "opt/share/docker/secrets/rt/rt-db",
        "anything",
    ),
    LayerMutant(
        "healthcheck-password",
        "the same, of the health check's user",
        "opt/share/docker/secrets/rt/healthcheck.passwd",
        "anything",
    ),
    LayerMutant(
        "debconf-guess",
        "what Debian's RT package writes when it may set up a database",
        "etc/request-tracker5/RT_SiteConfig.d/51-dbconfig-common.pm",
        "Set($DatabasePassword, 'sesame');",
    ),
    LayerMutant(
        "quoted-by-q", "another way to write it", "opt/rt/site.d/db.pm", "Set($DatabasePassword, q{sesame});"
    ),
    LayerMutant(
        "login-service",
        "the password by which RT asks a directory who somebody is",
        "etc/request-tracker5/RT_SiteConfig.d/ldap.pm",
        "Set($ExternalSettings, { LDAP => {\n    'user' => 'rt', 'pass' => 'sesame',\n} });",
    ),
    LayerMutant(
        "dbconfig",
        "where Debian remembers it",
        "etc/dbconfig-common/request-tracker5.conf",
        "dbc_dbuser='rt'\ndbc_dbpass='sesame'",
    ),
    LayerMutant(
        "debconf",
        "where Debian remembers the answers to its questions",
        "var/cache/debconf/passwords.dat-old",
        "Name: rt/initial-root-password\nValue: sesame",
    ),
    LayerMutant(
        "database-client",
        "for the one command that fills the database",
        "root/.my.cnf",
        "[client]\nuser = rt\npassword = sesame",
    ),
    LayerMutant("mail", "by which mail is handed on", "etc/msmtprc", "host mail.example.org\npassword sesame"),
    LayerMutant(
        "netrc",
        "by which a package was fetched",
        "root/.netrc",
        "machine packages.example.org login rt password sesame",
    ),
    LayerMutant(
        "private-key",
        "of the server",
        "etc/apache2/server.pem",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----",
    ),
    LayerMutant(
        "private-key-anywhere",
        "of whoever built it",
        "usr/share/deploy",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE=\n-----END OPENSSH PRIVATE KEY-----",
    ),
    LayerMutant(
        "login", "somebody can log in to every container", "etc/shadow", "root:$y$j9T$salt$hash:19000:0::::"
    ),
)
HARMLESS = (
    ("etc/request-tracker5/RT_SiteConfig.d/51-dbconfig.pm", "Set($DatabasePassword, q{});\n# password=sesame"),
    ("etc/request-tracker5/RT_SiteConfig.d/me.pm", "Set($MinimumPasswordLength, 8);\nSet($DatabasePassword, '');"),
    ("usr/share/request-tracker5/etc/RT_Config.pm", "Set($DatabasePassword, q{rt_pass});"),
    ("etc/dbconfig-common/config", "dbc_remember_admin_pass='false'\ndbc_dbpass=''"),
    ("etc/nsswitch.conf", "passwd:         files"),
    ("etc/w3m/config", "passwd_file ~/.w3m/passwd"),
    ("var/cache/debconf/passwords.dat", "Name: request-tracker5/initial-root-password\nOwners: request-tracker5"),
    ("etc/shadow", "root:*:19000:0:99999:7:::\nwww-data:!:19000::::::"),
    ("usr/bin/gpg", "\0-----BEGIN PGP PRIVATE KEY BLOCK-----\0"),
)
"""Paths and texts that packages install, or that state there is no password."""
