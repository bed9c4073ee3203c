-- While all rows are read, the audit is written on.
alter table audit_log validate constraint audit_log_action_check;
