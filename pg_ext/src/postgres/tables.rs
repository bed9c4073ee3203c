//! The tables that are reached without a plan, and what is taken for granted of them: columns, indexes, what is written.
//! `access` looks whether it is so.

use std::ffi::CStr;

use crate::postgres::table::{Table, tables};

tables! {
    live_calls {
        columns {
            uniqueid: Text,
            linkedid: Text,
            node: Text,
            user_id: Int8,
            campaign_id: Int8,
            did_id: Int8,
            did_number: Text,
            routing_strategy: Text,
            link_id: Int8,
            client_id: Int8,
            holds_slot: Bool,
            attempt: Int4,
            tried: Int8s,
            caller_number: Text,
            caller_name: Text,
            routed_at: Time,
            attempt_at: Time,
            answered_at: Time,
            dial_timeout_seconds: Int4,
            attempt_timeout_seconds: Int4,
            ring_deadline: Time,
            max_call_seconds: Int4,
            lease_until: Time,
            end_reason: Text,
            end_cause: Int4,
            decision: Text,
        }
        optional {
            sip_call_id: Text,
            qualify_seconds: Int4,
            awaited: Bool,
            same_client_only: Bool,
            overflow_exit: Text,
            overflowed_from: Int8,
            overflowed_at: Time,
        }
        indexes {
            Unique live_calls_pkey: uniqueid;
            Plain live_calls_lease_until_idx: lease_until;
        }
        written: Insert, Update, Delete;
        changed: tried, link_id, client_id, holds_slot, attempt, attempt_at, answered_at, attempt_timeout_seconds,
            end_reason, end_cause, decision, qualify_seconds, awaited, campaign_id, routing_strategy, dial_timeout_seconds, overflow_exit,
            overflowed_from, overflowed_at, same_client_only;
    }

    link_counters {
        columns {
            link_id: Int8,
            active: Int4,
            total: Int8,
            last_seq: Int8,
        }
        optional {
            reserved_at: Time,
            unsettled: Int4,
            offered: Int8,
            answered: Int8,
            qualified: Int8,
            windows_from: Time,
            windows_until: Time,
            client_metered: Bool,
            seller_metered: Bool,
        }
        indexes {
            Unique link_counters_pkey: link_id;
        }
        written: Update;
        changed: active, total, last_seq, reserved_at, unsettled, offered, answered, qualified, windows_from, windows_until;
        own_checks: c"link_counters_active_check";
    }

    link_windows {
        columns {
            link_id: Int8,
            span: Text,
            starts_at: Time,
            ends_at: Time,
            time_zone: Text,
            active: Int4,
            unsettled: Int4,
            offered: Int8,
            answered: Int8,
            qualified: Int8,
        }
        indexes {
            Unique link_windows_pkey: link_id, span;
        }
        written: Insert, Update;
        changed: starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified;
        own_checks: c"link_windows_bounds_check", c"link_windows_span_check";
    }

    meters {
        columns {
            id: Int8,
            subject_type: Text,
            subject_id: Int8,
            owner_id: Int8,
            active: Int4,
            unsettled: Int4,
            offered: Int8,
            answered: Int8,
            qualified: Int8,
            windows_from: Time,
            windows_until: Time,
        }
        optional {
            reserved_at: Time,
            seats: Int4,
            seats_until: Time,
            seats_close: Bool,
        }
        indexes {
            Plain meters_subject_id_subject_type_key: subject_id;
        }
        written: Update;
        changed: active, unsettled, offered, answered, qualified, windows_from, windows_until, reserved_at;
        own_checks: c"meters_active_check", c"meters_owner_check", c"meters_seats_check", c"meters_subject_type_check";
    }

    meter_windows {
        columns {
            meter_id: Int8,
            span: Text,
            starts_at: Time,
            ends_at: Time,
            time_zone: Text,
            active: Int4,
            unsettled: Int4,
            offered: Int8,
            answered: Int8,
            qualified: Int8,
        }
        indexes {
            Unique meter_windows_pkey: meter_id, span;
        }
        written: Insert, Update;
        changed: starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified;
        own_checks: c"meter_windows_bounds_check", c"meter_windows_span_check";
    }

    call_logs {
        columns {
            id: Int8,
            asterisk_uniqueid: Text,
            asterisk_linkedid: Text,
            user_id: Int8,
            campaign_id: Int8,
            did_id: Int8,
            client_id: Int8,
            link_id: Int8,
            node: Text,
            incoming_did_number: Text,
            caller_id_num: Text,
            caller_id_name: Text,
            timestamp_start: Time,
            timestamp_answered: Time,
            timestamp_end: Time,
            duration_seconds: Int4,
            billsec_seconds: Int4,
            call_status: Text,
            hangup_cause_code: Int4,
            hangup_cause_text: Text,
            hangup_by: Text,
            sip_call_id: Text,
            attempts: Int4,
            counted: Bool,
            late_excess: Bool,
            decision: Text,
            created_at: Time,
        }
        optional {
            reserved_at: Time,
            qualify_seconds: Int4,
            qualified: Bool,
            changed_xid: Xid8,
            overflow_exit: Text,
            overflowed_from: Int8,
            overflowed_at: Time,
        }
        indexes {
            Unique call_logs_asterisk_uniqueid_key: asterisk_uniqueid;
        }
        written: Insert;
    }

    call_attempts {
        columns {
            uniqueid: Text,
            attempt: Int4,
            user_id: Int8,
            link_id: Int8,
            client_id: Int8,
            dial_status: Text,
            hangup_cause: Int4,
            started_at: Time,
            ended_at: Time,
        }
        indexes {}
        written: Insert;
    }

    dids {
        columns {
            id: Int8,
            user_id: Int8,
            number: Text,
            status: Text,
        }
        optional {
            schedule_id: Int8,
        }
        indexes {
            Unique dids_number_key: number;
        }
    }

    users {
        columns {
            id: Int8,
            status: Text,
        }
        optional {
            time_zone: Text,
            metered: Bool,
            screened: Bool,
            caller_rules: Json,
        }
        indexes {
            Unique users_pkey: id;
        }
    }

    campaigns {
        columns {
            id: Int8,
            user_id: Int8,
            status: Text,
            name: Text,
            routing_strategy: Text,
            dial_timeout_seconds: Int4,
            max_ring_seconds: Int4,
        }
        optional {
            qualify_seconds: Int4,
            schedule_id: Int8,
            paused_until: Time,
            pause_reason: Text,
            platform_paused_until: Time,
            platform_pause_reason: Text,
            screened: Bool,
            anonymous_callers: Text,
            min_redial_seconds: Int4,
            caller_rules: Json,
            overflow: Json,
        }
        indexes {
            Unique campaigns_pkey: id;
        }
    }

    campaign_dids {
        columns {
            did_id: Int8,
            campaign_id: Int8,
        }
        indexes {
            Unique campaign_dids_pkey: did_id, campaign_id;
        }
    }

    campaign_client_settings {
        columns {
            id: Int8,
            campaign_id: Int8,
            client_id: Int8,
            status: Text,
            max_concurrency: Int4,
            total_calls_allowed: Int8,
            forwarding_priority: Int4,
            weight: Int4,
        }
        optional {
            min_seconds_between: Int4,
            qualify_seconds: Int4,
            capped: Bool,
            schedule_id: Int8,
            paused_until: Time,
            pause_reason: Text,
            platform_paused_until: Time,
            platform_pause_reason: Text,
            screened: Bool,
            caller_rules: Json,
        }
        indexes {
            Unique campaign_client_settings_pkey: id;
            Plain campaign_client_settings_campaign_id_client_id_key: campaign_id;
        }
    }

    caps {
        columns {
            id: Int8,
            link_id: Int8,
            client_id: Int8,
            did_id: Int8,
            campaign_id: Int8,
            user_id: Int8,
            counts: Text,
            span: Text,
            max_calls: Int8,
            enforce: Bool,
        }
        indexes {
            Plain caps_link_id_key: link_id;
            Plain caps_client_id_key: client_id;
            Plain caps_did_id_key: did_id;
            Plain caps_campaign_id_key: campaign_id;
            Plain caps_user_id_key: user_id;
        }
    }

    caller_marks {
        columns {
            key: Text,
            kind: Text,
            after: Text,
            until: Time,
            taken_by: Int8,
            at: Time,
        }
        indexes {
            Plain caller_marks_key_kind_after_key: key;
        }
    }

    caller_calls {
        columns {
            key: Text,
            taken_by: Int8,
            at: Time,
            lost_at: Time,
            until: Time,
        }
        indexes {
            Plain caller_calls_pkey: key;
        }
    }

    schedules {
        columns {
            id: Int8,
            version: Int8,
            time_zone: Text,
            weekly: Json,
            exceptions: Json,
        }
        indexes {
            Unique schedules_pkey: id;
        }
    }

    clients {
        columns {
            id: Int8,
            client_identifier: Text,
            status: Text,
        }
        optional {
            time_zone: Text,
            metered: Bool,
            schedule_id: Int8,
            platform_paused_until: Time,
            platform_pause_reason: Text,
            min_seconds_between: Int4,
            screened: Bool,
            caller_rules: Json,
        }
        indexes {
            Unique clients_pkey: id;
        }
    }

    pjsip_aors {
        columns {
            client_id: Int8,
            contact: Text,
        }
        indexes {
            Unique pjsip_aors_pkey: client_id;
        }
    }

    pjsip_endpoints {
        columns {
            client_id: Int8,
            callerid: Text,
        }
        optional {
            settings_id: Text,
        }
        indexes {
            Unique pjsip_endpoints_pkey: client_id;
        }
    }

    pjsip_contacts {
        columns {
            endpoint: Text,
            expiration_time: Int8,
        }
        indexes {
            Plain pjsip_contacts_endpoint_idx: endpoint;
        }
    }
}

/// One of ours, with its place among them.
pub fn find(name: &CStr) -> (usize, &'static Table) {
    let mut found = TABLES.iter().enumerate().filter(|(_, table)| table.name == name);
    found
        .next()
        .unwrap_or_else(|| panic!("{name:?} is not among the tables that are reached without a plan"))
}
