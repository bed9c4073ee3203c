-- What every table, column and view means, where `\d+` and reporting tools show it. Applied with after.sql.

comment on schema capconduit is 'CapConduit: call routing under exact caps, and the records of the calls';
comment on schema asterisk is 'What a switch may see of CapConduit: Asterisk''s realtime names and value syntax';
