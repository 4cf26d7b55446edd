-- Run once by the postgres image on an empty data folder: a role and a database for each service, and no way
-- from one to another's. With Kafka there is no embedded log, so there is no fifth database.
-- `-v secrets=FOLDER` names another place of the passwords.
\set ON_ERROR_STOP on
\if :{?secrets}
\else
  \set secrets /run/secrets
\endif

\set password `cat :secrets/ledger_db_password`
CREATE ROLE tact_ledger LOGIN PASSWORD :'password';
CREATE DATABASE tact_ledger OWNER tact_ledger;
REVOKE ALL ON DATABASE tact_ledger FROM PUBLIC;

\set password `cat :secrets/stager_db_password`
CREATE ROLE tact_stager LOGIN PASSWORD :'password';
CREATE DATABASE tact_stager OWNER tact_stager;
REVOKE ALL ON DATABASE tact_stager FROM PUBLIC;

\set password `cat :secrets/notifier_db_password`
CREATE ROLE tact_notifier LOGIN PASSWORD :'password';
CREATE DATABASE tact_notifier OWNER tact_notifier;
REVOKE ALL ON DATABASE tact_notifier FROM PUBLIC;

\set password `cat :secrets/contact_log_db_password`
CREATE ROLE tact_contact_log LOGIN PASSWORD :'password';
CREATE DATABASE tact_contact_log OWNER tact_contact_log;
REVOKE ALL ON DATABASE tact_contact_log FROM PUBLIC;
