-- Who may make partitions.

-- `ensure_day` runs with its owner's rights, and PUBLIC could execute it: whoever got into the database could make as many tables as there
-- are days. Roles that write bids need it, and keep it.
REVOKE EXECUTE ON FUNCTION ensure_day(date) FROM PUBLIC;

DO $$
DECLARE
    writer text;
BEGIN
    FOR writer IN
        SELECT DISTINCT quote_ident(grantee) FROM information_schema.role_table_grants
        WHERE table_schema = current_schema AND table_name = 'bids' AND privilege_type = 'INSERT' AND grantee <> 'PUBLIC'
    LOOP
        EXECUTE 'GRANT EXECUTE ON FUNCTION ensure_day(date) TO ' || writer;
    END LOOP;
END $$;
