//! The statements of the reports. One pass over the period's records makes small cells; everything that is shown is
//! summed from them.

/// $1 from, $2 until, $4 min_talk_seconds, $5 seller, $6 campaign, $7 DID. The zone comes as offsets in seconds ($8) and the
/// instants between them ($3): what its name means is decided in one place, and that is not here.
/// `level` has a bit for each of link, day, hour, campaign, DID, client and status that the row is not about.
pub const FIGURES: &str = "\
    with cells as (
        select date_trunc('hour', g.timestamp_start at time zone 'UTC'
                   + interval '1 second' * ($8::integer[])[1 + width_bucket(g.timestamp_start, $3::timestamptz[])])
                   as local_hour,
               g.campaign_id, g.did_id, g.link_id, g.client_id, g.call_status, count(*) as records,
               count(*) filter (where g.billsec_seconds >= $4) as long_enough, count(*) filter (where g.qualified) as good,
               sum(g.billsec_seconds) as talk
          from call_logs g
         where g.timestamp_start >= $1 and g.timestamp_start < $2
           and ($5::bigint is null or g.user_id = $5) and ($6::bigint is null or g.campaign_id = $6)
           and ($7::bigint is null or g.did_id = $7)
         group by 1, 2, 3, 4, 5, 6
    ), sums as (
        select grouping(link_id, day, hour, campaign_id, did_id, client_id, call_status) as level,
               link_id, day, hour, campaign_id, did_id, client_id, call_status,
               coalesce(sum(records) filter (where call_status <> 'LOST'), 0)::bigint as calls,
               coalesce(sum(records) filter (where call_status = 'ANSWERED'), 0)::bigint as answered,
               coalesce(sum(long_enough) filter (where call_status = 'ANSWERED'), 0)::bigint as converted,
               coalesce(sum(good), 0)::bigint as qualified,
               coalesce(sum(talk) filter (where call_status = 'ANSWERED'), 0)::bigint as talk_seconds,
               coalesce(sum(records) filter (where call_status like 'REJECTED\\_%'), 0)::bigint as rejected,
               coalesce(sum(records) filter (where call_status = 'LOST'), 0)::bigint as lost
          from (select *, local_hour::date as day, extract(hour from local_hour)::integer as hour from cells) c
         group by grouping sets ((), (link_id), (day), (hour), (campaign_id), (did_id), (call_status), (client_id, call_status))
    )
    select s.level, s.calls, s.answered, s.converted, s.qualified, s.talk_seconds, s.rejected, s.lost, s.day, s.hour, s.campaign_id,
           c.name as campaign_name, s.did_id, d.number, s.client_id, k.name as client_name, k.client_identifier, s.call_status,
           s.link_id, lc.name as link_campaign_name, lk.name as link_client_name
      from sums s
      left join campaigns c on c.id = s.campaign_id
      left join dids d on d.id = s.did_id
      left join clients k on k.id = s.client_id
      left join campaign_client_settings l on l.id = s.link_id
      left join campaigns lc on lc.id = l.campaign_id
      left join clients lk on lk.id = l.client_id
     order by s.level, s.day, s.hour, s.campaign_id, s.did_id, s.link_id, s.client_id, s.call_status";

pub const TOTAL: i32 = 0b111_1111;
pub const BY_DAY: i32 = 0b101_1111;
pub const BY_HOUR: i32 = 0b110_1111;
pub const BY_CAMPAIGN: i32 = 0b111_0111;
pub const BY_DID: i32 = 0b111_1011;
pub const BY_LINK: i32 = 0b011_1111;
pub const BY_STATUS: i32 = 0b111_1110;
pub const BY_CLIENT_AND_STATUS: i32 = 0b111_1100;

/// The attempts before a call's last one, which is in the call's own record. The same $1, $2, $5, $6 and $7, renumbered.
pub const FAILED_ATTEMPTS: &str = "\
    select a.client_id, k.name as client_name, k.client_identifier, a.dial_status, count(*)
      from call_logs g
      join call_attempts a on a.uniqueid = g.asterisk_uniqueid and a.attempt < g.attempts
      left join clients k on k.id = a.client_id
     where g.attempts > 1 and g.timestamp_start >= $1 and g.timestamp_start < $2
       and ($3::bigint is null or g.user_id = $3) and ($4::bigint is null or g.campaign_id = $4)
       and ($5::bigint is null or g.did_id = $5)
     group by 1, 2, 3, 4
     order by 1, 4";
