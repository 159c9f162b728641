-- Bounds for this transaction alone (SET LOCAL, as a function), so that a pooler's next client inherits nothing.
-- Promise: we wait at most lock_timeout for others; others wait for us at most one statement, and a client of ours
-- that vanished inside its transaction is ended by the server.
SELECT set_config('lock_timeout', %(lock_timeout)s, true),
       set_config('statement_timeout', %(statement_timeout)s, true),
       set_config('idle_in_transaction_session_timeout', %(idle_timeout)s, true),
       set_config('synchronous_commit', coalesce(%(synchronous_commit)s, current_setting('synchronous_commit')), true),
       set_config('jit', 'off', true),
       set_config('application_name', %(application_name)s, true);
