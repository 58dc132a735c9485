-- The role with which provisioning makes databases and roles for tenants; no superuser. Runs at every start; {{…}} is filled in.
SELECT 'CREATE ROLE siegel_admin' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'siegel_admin') \gexec
ALTER ROLE siegel_admin WITH LOGIN CREATEDB CREATEROLE PASSWORD '{{password}}';
-- To see, and to let services see, which zones hold what was committed (pg_stat_replication shows others nothing), and to end
-- the sessions of a database that is to be dropped.
GRANT pg_monitor, pg_signal_backend TO siegel_admin WITH ADMIN OPTION;
