-- Set timeouts for this transaction alone (SET LOCAL, as a function), so that a pooler's next client inherits nothing.
-- Guarantees: this transaction waits at most lock_timeout for other sessions; they wait at most one statement for it; the
-- server ends a transaction whose client hangs.
SELECT set_config('lock_timeout', %(lock_timeout)s, true) AS lock_timeout,
       set_config('statement_timeout', %(statement_timeout)s, true) AS statement_timeout,
       set_config('idle_in_transaction_session_timeout', %(idle_timeout)s, true) AS idle_in_transaction_session_timeout,
       set_config('synchronous_commit', coalesce(%(synchronous_commit)s, current_setting('synchronous_commit')), true) AS synchronous_commit,
       set_config('jit', 'off', true) AS jit,
       set_config('application_name', %(application_name)s, true) AS application_name;
