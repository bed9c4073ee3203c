//! The windows of a hundred instants, as literals: what the clocks of odd zones come to by the definition, worked out with zdump and, minute
//! for minute, with Python's zoneinfo. The property tests beside the windows ask jiff for both sides of their question; this table does not.

use capconduit_core::meter::{Calendar, Counts, Mark, microseconds};
use capconduit_core::window::Span::{self, Day, Hour, Month, Week};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Zone, span, an instant, and start and end of the window that it lies in.
#[rustfmt::skip]
const WINDOWS: &[(&str, Span, &str, &str, &str)] = &[
    // New York: spring's 2 o'clock does not exist, and its day has 23 hours.
    ("America/New_York", Hour, "2026-03-08T06:59:59Z", "2026-03-08T06:00Z", "2026-03-08T07:00Z"),
    ("America/New_York", Hour, "2026-03-08T07:00Z", "2026-03-08T07:00Z", "2026-03-08T08:00Z"),
    ("America/New_York", Day, "2026-03-08T05:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
    ("America/New_York", Day, "2026-03-09T04:00Z", "2026-03-09T04:00Z", "2026-03-10T04:00Z"),
    ("America/New_York", Week, "2026-03-08T12:00Z", "2026-03-02T05:00Z", "2026-03-09T04:00Z"),
    ("America/New_York", Month, "2026-03-31T23:30Z", "2026-03-01T05:00Z", "2026-04-01T04:00Z"),
    // Autumn's hour from 1 to 2 comes twice and is two windows; its day has 25 hours and is one.
    ("America/New_York", Hour, "2026-11-01T05:30Z", "2026-11-01T05:00Z", "2026-11-01T06:00Z"),
    ("America/New_York", Hour, "2026-11-01T06:30Z", "2026-11-01T06:00Z", "2026-11-01T07:00Z"),
    ("America/New_York", Hour, "2026-11-01T07:00Z", "2026-11-01T07:00Z", "2026-11-01T08:00Z"),
    ("America/New_York", Day, "2026-11-01T04:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("America/New_York", Day, "2026-11-02T04:59:59Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("America/New_York", Week, "2026-11-02T04:59:59Z", "2026-10-26T04:00Z", "2026-11-02T05:00Z"),
    ("America/New_York", Month, "2026-11-01T03:59:59Z", "2026-10-01T04:00Z", "2026-11-01T04:00Z"),
    ("America/New_York", Month, "2026-11-30T12:00Z", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
    // Ends of months and years. The week of New Year belongs to both years.
    ("America/New_York", Month, "2027-01-01T04:59:59Z", "2026-12-01T05:00Z", "2027-01-01T05:00Z"),
    ("America/New_York", Month, "2027-01-01T05:00Z", "2027-01-01T05:00Z", "2027-02-01T05:00Z"),
    ("America/New_York", Week, "2027-01-01T05:00Z", "2026-12-28T05:00Z", "2027-01-04T05:00Z"),
    ("America/New_York", Week, "2027-01-04T05:00Z", "2027-01-04T05:00Z", "2027-01-11T05:00Z"),
    // 29 February.
    ("America/New_York", Day, "2028-02-29T05:00Z", "2028-02-29T05:00Z", "2028-03-01T05:00Z"),
    ("America/New_York", Day, "2028-03-01T04:59:59Z", "2028-02-29T05:00Z", "2028-03-01T05:00Z"),
    ("America/New_York", Month, "2028-02-29T12:00Z", "2028-02-01T05:00Z", "2028-03-01T05:00Z"),
    ("America/New_York", Month, "2027-02-28T12:00Z", "2027-02-01T05:00Z", "2027-03-01T05:00Z"),
    // Berlin: both changes at 1:00 UTC.
    ("Europe/Berlin", Hour, "2026-03-29T00:59:59Z", "2026-03-29T00:00Z", "2026-03-29T01:00Z"),
    ("Europe/Berlin", Hour, "2026-03-29T01:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z"),
    ("Europe/Berlin", Day, "2026-03-28T23:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ("Europe/Berlin", Week, "2026-03-29T12:00Z", "2026-03-22T23:00Z", "2026-03-29T22:00Z"),
    ("Europe/Berlin", Month, "2026-03-31T21:59:59Z", "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
    ("Europe/Berlin", Hour, "2026-10-25T00:00Z", "2026-10-25T00:00Z", "2026-10-25T01:00Z"),
    ("Europe/Berlin", Hour, "2026-10-25T01:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"),
    ("Europe/Berlin", Day, "2026-10-25T22:59:59Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("Europe/Berlin", Week, "2026-10-25T23:00Z", "2026-10-25T23:00Z", "2026-11-01T23:00Z"),
    ("Europe/Berlin", Month, "2026-10-31T22:59:59Z", "2026-09-30T22:00Z", "2026-10-31T23:00Z"),
    ("Europe/Berlin", Week, "2024-12-31T12:00Z", "2024-12-29T23:00Z", "2025-01-05T23:00Z"),
    ("Europe/Berlin", Month, "2028-02-29T22:59:59Z", "2028-01-31T23:00Z", "2028-02-29T23:00Z"),
    ("Europe/Berlin", Day, "2028-02-29T23:00Z", "2028-02-29T23:00Z", "2028-03-01T23:00Z"),
    // Kolkata: half an hour off, and its clock never changes.
    ("Asia/Kolkata", Hour, "2026-07-01T00:29:59Z", "2026-06-30T23:30Z", "2026-07-01T00:30Z"),
    ("Asia/Kolkata", Hour, "2026-07-01T00:30Z", "2026-07-01T00:30Z", "2026-07-01T01:30Z"),
    ("Asia/Kolkata", Day, "2026-12-31T18:29:59Z", "2026-12-30T18:30Z", "2026-12-31T18:30Z"),
    ("Asia/Kolkata", Day, "2026-12-31T18:30Z", "2026-12-31T18:30Z", "2027-01-01T18:30Z"),
    ("Asia/Kolkata", Week, "2027-01-03T18:29:59Z", "2026-12-27T18:30Z", "2027-01-03T18:30Z"),
    ("Asia/Kolkata", Month, "2026-12-31T18:30Z", "2026-12-31T18:30Z", "2027-01-31T18:30Z"),
    ("Asia/Kolkata", Day, "2028-02-29T00:00Z", "2028-02-28T18:30Z", "2028-02-29T18:30Z"),
    ("Asia/Kolkata", Month, "2028-02-29T18:29:59Z", "2028-01-31T18:30Z", "2028-02-29T18:30Z"),
    // Kathmandu: its full hours lie a quarter past those of UTC.
    ("Asia/Kathmandu", Hour, "2026-06-01T00:14:59Z", "2026-05-31T23:15Z", "2026-06-01T00:15Z"),
    ("Asia/Kathmandu", Hour, "2026-06-01T00:15Z", "2026-06-01T00:15Z", "2026-06-01T01:15Z"),
    ("Asia/Kathmandu", Day, "2026-05-31T18:15Z", "2026-05-31T18:15Z", "2026-06-01T18:15Z"),
    ("Asia/Kathmandu", Week, "2026-06-01T18:00Z", "2026-05-31T18:15Z", "2026-06-07T18:15Z"),
    ("Asia/Kathmandu", Month, "2026-05-31T18:14:59Z", "2026-04-30T18:15Z", "2026-05-31T18:15Z"),
    ("Asia/Kathmandu", Month, "2028-02-29T18:14:59Z", "2028-01-31T18:15Z", "2028-02-29T18:15Z"),
    // Lord Howe steps by half an hour. Back from 2:00 to 1:30: the hour that began at 1:00 is whole, the half one that is repeated a window of
    // its own.
    ("Australia/Lord_Howe", Hour, "2026-04-04T14:59:59Z", "2026-04-04T14:00Z", "2026-04-04T15:00Z"),
    ("Australia/Lord_Howe", Hour, "2026-04-04T15:00Z", "2026-04-04T15:00Z", "2026-04-04T15:30Z"),
    ("Australia/Lord_Howe", Hour, "2026-04-04T15:30Z", "2026-04-04T15:30Z", "2026-04-04T16:30Z"),
    ("Australia/Lord_Howe", Day, "2026-04-04T15:00Z", "2026-04-04T13:00Z", "2026-04-05T13:30Z"),
    // On from 2:00 to 2:30: the hour has half an hour left.
    ("Australia/Lord_Howe", Hour, "2026-10-03T15:29:59Z", "2026-10-03T14:30Z", "2026-10-03T15:30Z"),
    ("Australia/Lord_Howe", Hour, "2026-10-03T15:30Z", "2026-10-03T15:30Z", "2026-10-03T16:00Z"),
    ("Australia/Lord_Howe", Hour, "2026-10-03T16:00Z", "2026-10-03T16:00Z", "2026-10-03T17:00Z"),
    ("Australia/Lord_Howe", Day, "2026-10-03T13:30Z", "2026-10-03T13:30Z", "2026-10-04T13:00Z"),
    ("Australia/Lord_Howe", Week, "2026-10-04T12:59:59Z", "2026-09-27T13:30Z", "2026-10-04T13:00Z"),
    ("Australia/Lord_Howe", Month, "2026-10-31T12:59:59Z", "2026-09-30T13:30Z", "2026-10-31T13:00Z"),
    ("Australia/Lord_Howe", Month, "2026-04-30T13:29:59Z", "2026-03-31T13:00Z", "2026-04-30T13:30Z"),
    // Havana's clock changes at midnight. In spring there is no midnight: the day begins at 1:00.
    ("America/Havana", Day, "2026-03-08T04:59:59Z", "2026-03-07T05:00Z", "2026-03-08T05:00Z"),
    ("America/Havana", Day, "2026-03-08T05:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"),
    ("America/Havana", Hour, "2026-03-08T05:00Z", "2026-03-08T05:00Z", "2026-03-08T06:00Z"),
    ("America/Havana", Week, "2026-03-08T05:00Z", "2026-03-02T05:00Z", "2026-03-09T04:00Z"),
    ("America/Havana", Month, "2026-03-08T05:00Z", "2026-03-01T05:00Z", "2026-04-01T04:00Z"),
    // In autumn it comes twice, from 1:00 back to 0:00: the day began with the first.
    ("America/Havana", Day, "2026-11-01T04:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("America/Havana", Day, "2026-11-01T05:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    ("America/Havana", Hour, "2026-11-01T04:59:59Z", "2026-11-01T04:00Z", "2026-11-01T05:00Z"),
    ("America/Havana", Hour, "2026-11-01T05:00Z", "2026-11-01T05:00Z", "2026-11-01T06:00Z"),
    ("America/Havana", Hour, "2026-11-01T06:00Z", "2026-11-01T06:00Z", "2026-11-01T07:00Z"),
    // Which is a first of a month, too, and the last day of a week.
    ("America/Havana", Month, "2026-11-01T05:00Z", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),
    ("America/Havana", Month, "2026-11-01T03:59:59Z", "2026-10-01T04:00Z", "2026-11-01T04:00Z"),
    ("America/Havana", Week, "2026-11-02T04:59:59Z", "2026-10-26T04:00Z", "2026-11-02T05:00Z"),
    // Chatham steps from 3:45 back to 2:45: three quarters of the hour from 3, a quarter of the one from 2, and the one from 3 again, whole.
    ("Pacific/Chatham", Hour, "2026-04-04T13:59:59Z", "2026-04-04T13:15Z", "2026-04-04T14:00Z"),
    ("Pacific/Chatham", Hour, "2026-04-04T14:00Z", "2026-04-04T14:00Z", "2026-04-04T14:15Z"),
    ("Pacific/Chatham", Hour, "2026-04-04T14:15Z", "2026-04-04T14:15Z", "2026-04-04T15:15Z"),
    ("Pacific/Chatham", Day, "2026-04-04T14:00Z", "2026-04-04T10:15Z", "2026-04-05T11:15Z"),
    // And on from 2:45 to 3:45.
    ("Pacific/Chatham", Hour, "2026-09-26T13:59:59Z", "2026-09-26T13:15Z", "2026-09-26T14:00Z"),
    ("Pacific/Chatham", Hour, "2026-09-26T14:00Z", "2026-09-26T14:00Z", "2026-09-26T14:15Z"),
    ("Pacific/Chatham", Hour, "2026-09-26T14:15Z", "2026-09-26T14:15Z", "2026-09-26T15:15Z"),
    ("Pacific/Chatham", Day, "2026-09-26T14:00Z", "2026-09-26T11:15Z", "2026-09-27T10:15Z"),
    ("Pacific/Chatham", Week, "2026-09-27T10:14:59Z", "2026-09-20T11:15Z", "2026-09-27T10:15Z"),
    ("Pacific/Chatham", Month, "2026-09-30T10:14:59Z", "2026-08-31T11:15Z", "2026-09-30T10:15Z"),
    // Casablanca goes back for Ramadan and on after it.
    ("Africa/Casablanca", Hour, "2026-02-15T01:59:59Z", "2026-02-15T01:00Z", "2026-02-15T02:00Z"),
    ("Africa/Casablanca", Hour, "2026-02-15T02:00Z", "2026-02-15T02:00Z", "2026-02-15T03:00Z"),
    ("Africa/Casablanca", Day, "2026-02-15T12:00Z", "2026-02-14T23:00Z", "2026-02-16T00:00Z"),
    ("Africa/Casablanca", Day, "2026-02-16T00:00Z", "2026-02-16T00:00Z", "2026-02-17T00:00Z"),
    ("Africa/Casablanca", Month, "2026-02-20T12:00Z", "2026-01-31T23:00Z", "2026-03-01T00:00Z"),
    ("Africa/Casablanca", Hour, "2026-03-22T02:00Z", "2026-03-22T02:00Z", "2026-03-22T03:00Z"),
    ("Africa/Casablanca", Day, "2026-03-22T12:00Z", "2026-03-22T00:00Z", "2026-03-22T23:00Z"),
    ("Africa/Casablanca", Week, "2026-03-22T22:59:59Z", "2026-03-16T00:00Z", "2026-03-22T23:00Z"),
    ("Africa/Casablanca", Month, "2026-03-31T22:59:59Z", "2026-03-01T00:00Z", "2026-03-31T23:00Z"),
    // St. John's changed at a minute past midnight until 2011. In autumn 2010 the date stepped back from 7 to 6 November: the day had begun, and is
    // not left; its first hour is a minute long, and the one after it begins at 23:01.
    ("America/St_Johns", Hour, "2010-11-07T02:30:30Z", "2010-11-07T02:30Z", "2010-11-07T02:31Z"),
    ("America/St_Johns", Hour, "2010-11-07T02:31Z", "2010-11-07T02:31Z", "2010-11-07T03:30Z"),
    ("America/St_Johns", Hour, "2010-11-07T03:30Z", "2010-11-07T03:30Z", "2010-11-07T04:30Z"),
    ("America/St_Johns", Day, "2010-11-07T02:29:59Z", "2010-11-06T02:30Z", "2010-11-07T02:30Z"),
    ("America/St_Johns", Day, "2010-11-07T02:31Z", "2010-11-07T02:30Z", "2010-11-08T03:30Z"),
    ("America/St_Johns", Day, "2010-11-08T03:30Z", "2010-11-08T03:30Z", "2010-11-09T03:30Z"),
    ("America/St_Johns", Week, "2010-11-07T03:00Z", "2010-11-01T02:30Z", "2010-11-08T03:30Z"),
    ("America/St_Johns", Month, "2010-11-07T03:00Z", "2010-11-01T02:30Z", "2010-12-01T03:30Z"),
    // In spring from 0:01 to 1:01.
    ("America/St_Johns", Hour, "2010-03-14T03:30:59Z", "2010-03-14T03:30Z", "2010-03-14T03:31Z"),
    ("America/St_Johns", Hour, "2010-03-14T03:31Z", "2010-03-14T03:31Z", "2010-03-14T04:30Z"),
    ("America/St_Johns", Day, "2010-03-14T03:31Z", "2010-03-14T03:30Z", "2010-03-15T02:30Z"),
    // Samoa had no Friday 30 December 2011: the 29th ends where the 31st begins. The week has six days, the month thirty.
    ("Pacific/Apia", Day, "2011-12-30T09:59:59Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"),
    ("Pacific/Apia", Day, "2011-12-30T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"),
    ("Pacific/Apia", Hour, "2011-12-30T10:30Z", "2011-12-30T10:00Z", "2011-12-30T11:00Z"),
    ("Pacific/Apia", Week, "2011-12-30T10:00Z", "2011-12-26T10:00Z", "2012-01-01T10:00Z"),
    ("Pacific/Apia", Month, "2011-12-30T10:00Z", "2011-12-01T10:00Z", "2011-12-31T10:00Z"),
    // Kwajalein had no Saturday 21 August 1993.
    ("Pacific/Kwajalein", Day, "1993-08-21T11:59:59Z", "1993-08-20T12:00Z", "1993-08-21T12:00Z"),
    ("Pacific/Kwajalein", Day, "1993-08-21T12:00Z", "1993-08-21T12:00Z", "1993-08-22T12:00Z"),
    ("Pacific/Kwajalein", Week, "1993-08-21T12:00Z", "1993-08-16T12:00Z", "1993-08-22T12:00Z"),
    ("Pacific/Kwajalein", Month, "1993-08-21T12:00Z", "1993-08-01T12:00Z", "1993-08-31T12:00Z"),
    // Kiritimati had no 31 December 1994: the year ends a day early.
    ("Pacific/Kiritimati", Day, "1994-12-31T09:59:59Z", "1994-12-30T10:00Z", "1994-12-31T10:00Z"),
    ("Pacific/Kiritimati", Month, "1994-12-31T09:59:59Z", "1994-12-01T10:00Z", "1994-12-31T10:00Z"),
    ("Pacific/Kiritimati", Month, "1994-12-31T10:00Z", "1994-12-31T10:00Z", "1995-01-31T10:00Z"),
    ("Pacific/Kiritimati", Week, "1994-12-31T10:00Z", "1994-12-26T10:00Z", "1995-01-01T10:00Z"),
];

/// A window in progress whose zone becomes another: span, zone, start and end; the new zone, when somebody comes next, and what
/// start and end are then. Where the start stays, so does what was used.
type Change = (Span, &'static str, Bounds, &'static str, &'static str, Bounds);
type Bounds = [&'static str; 2];

#[rustfmt::skip]
const CHANGES: &[Change] = &[
    // To the west: New York's midnight is still to come.
    (Day, "Europe/Berlin", ["2026-06-09T22:00Z", "2026-06-10T22:00Z"],
        "America/New_York", "2026-06-10T22:00Z", ["2026-06-09T22:00Z", "2026-06-11T04:00Z"]),
    (Day, "Europe/Berlin", ["2026-06-09T22:00Z", "2026-06-10T22:00Z"],
        "America/New_York", "2026-06-11T03:59Z", ["2026-06-09T22:00Z", "2026-06-11T04:00Z"]),
    (Day, "Europe/Berlin", ["2026-06-09T22:00Z", "2026-06-10T22:00Z"],
        "America/New_York", "2026-06-11T04:00Z", ["2026-06-11T04:00Z", "2026-06-12T04:00Z"]),
    // Nobody came for long.
    (Day, "Europe/Berlin", ["2026-06-09T22:00Z", "2026-06-10T22:00Z"],
        "America/New_York", "2026-06-20T12:00Z", ["2026-06-20T04:00Z", "2026-06-21T04:00Z"]),
    // To the east: Berlin's midnight passed before the day was over, and it goes on to the next one.
    (Day, "America/New_York", ["2026-06-10T04:00Z", "2026-06-11T04:00Z"],
        "Europe/Berlin", "2026-06-11T04:00Z", ["2026-06-10T04:00Z", "2026-06-11T22:00Z"]),
    (Day, "America/New_York", ["2026-06-10T04:00Z", "2026-06-11T04:00Z"],
        "Europe/Berlin", "2026-06-11T22:00Z", ["2026-06-11T22:00Z", "2026-06-12T22:00Z"]),
    // Over the date line: an hour more one way, and 47 the other.
    (Day, "Pacific/Kiritimati", ["2026-06-09T10:00Z", "2026-06-10T10:00Z"],
        "Pacific/Pago_Pago", "2026-06-10T10:30Z", ["2026-06-09T10:00Z", "2026-06-10T11:00Z"]),
    (Day, "Pacific/Pago_Pago", ["2026-06-10T11:00Z", "2026-06-11T11:00Z"],
        "Pacific/Kiritimati", "2026-06-11T11:00Z", ["2026-06-10T11:00Z", "2026-06-12T10:00Z"]),
    // Where both have one midnight the day ends with it.
    (Day, "Europe/Berlin", ["2026-06-09T22:00Z", "2026-06-10T22:00Z"],
        "Europe/Oslo", "2026-06-10T22:00Z", ["2026-06-10T22:00Z", "2026-06-11T22:00Z"]),
    // From and to half hours.
    (Day, "Asia/Kolkata", ["2026-06-09T18:30Z", "2026-06-10T18:30Z"],
        "UTC", "2026-06-10T18:30Z", ["2026-06-09T18:30Z", "2026-06-11T00:00Z"]),
    (Day, "UTC", ["2026-06-10T00:00Z", "2026-06-11T00:00Z"],
        "Asia/Kolkata", "2026-06-11T00:00Z", ["2026-06-10T00:00Z", "2026-06-11T18:30Z"]),
    (Hour, "Asia/Kolkata", ["2026-06-10T10:30Z", "2026-06-10T11:30Z"],
        "UTC", "2026-06-10T11:30Z", ["2026-06-10T10:30Z", "2026-06-10T12:00Z"]),
    (Hour, "UTC", ["2026-06-10T10:00Z", "2026-06-10T11:00Z"],
        "Asia/Kolkata", "2026-06-10T11:00Z", ["2026-06-10T10:00Z", "2026-06-10T11:30Z"]),
    (Hour, "Asia/Kathmandu", ["2026-06-10T10:15Z", "2026-06-10T11:15Z"],
        "Asia/Kolkata", "2026-06-10T11:20Z", ["2026-06-10T10:15Z", "2026-06-10T11:30Z"]),
    (Hour, "Asia/Kolkata", ["2026-06-10T10:30Z", "2026-06-10T11:30Z"],
        "Asia/Kathmandu", "2026-06-10T12:14Z", ["2026-06-10T10:30Z", "2026-06-10T12:15Z"]),
    (Hour, "Asia/Kolkata", ["2026-06-10T10:30Z", "2026-06-10T11:30Z"],
        "Asia/Kathmandu", "2026-06-10T12:15Z", ["2026-06-10T12:15Z", "2026-06-10T13:15Z"]),
    // Full hours are everybody's where the offsets are.
    (Hour, "Europe/Berlin", ["2026-06-10T10:00Z", "2026-06-10T11:00Z"],
        "America/New_York", "2026-06-10T11:00Z", ["2026-06-10T11:00Z", "2026-06-10T12:00Z"]),
    // The half hour that Lord Howe repeats goes on to Sydney's full one, which is a change of its clock, too.
    (Hour, "Australia/Lord_Howe", ["2026-04-04T15:00Z", "2026-04-04T15:30Z"],
        "Australia/Sydney", "2026-04-04T15:30Z", ["2026-04-04T15:00Z", "2026-04-04T16:00Z"]),
    // A week or a month goes on for hours to the west. To the east it is the next one, too: Berlin's Monday began before New York's.
    (Week, "Europe/Berlin", ["2026-06-07T22:00Z", "2026-06-14T22:00Z"],
        "America/New_York", "2026-06-14T22:00Z", ["2026-06-07T22:00Z", "2026-06-15T04:00Z"]),
    (Week, "America/New_York", ["2026-06-08T04:00Z", "2026-06-15T04:00Z"],
        "Europe/Berlin", "2026-06-15T04:00Z", ["2026-06-08T04:00Z", "2026-06-21T22:00Z"]),
    (Month, "Europe/Berlin", ["2026-05-31T22:00Z", "2026-06-30T22:00Z"],
        "America/New_York", "2026-06-30T22:00Z", ["2026-05-31T22:00Z", "2026-07-01T04:00Z"]),
    (Month, "America/New_York", ["2026-06-01T04:00Z", "2026-07-01T04:00Z"],
        "Europe/Berlin", "2026-07-01T04:00Z", ["2026-06-01T04:00Z", "2026-07-31T22:00Z"]),
    // To where midnight comes twice: the first one begins the day, and the second is none.
    (Day, "America/New_York", ["2026-10-31T04:00Z", "2026-11-01T04:00Z"],
        "America/Havana", "2026-11-01T05:30Z", ["2026-11-01T04:00Z", "2026-11-02T05:00Z"]),
    // To where a day is skipped: from Friday's midnight of Pago Pago on to Samoa's Saturday, 31 December.
    (Day, "Pacific/Pago_Pago", ["2011-12-29T11:00Z", "2011-12-30T11:00Z"],
        "Pacific/Apia", "2011-12-30T11:00Z", ["2011-12-29T11:00Z", "2011-12-31T10:00Z"]),
];

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn windows_are_what_the_definition_comes_to() {
    for &(zone, span, at, start, end) in WINDOWS {
        let clock = TimeZone::get(zone).unwrap();
        let window = span.window(&clock, instant(at));
        let expected = (instant(start), instant(end));
        assert_eq!((window.start, window.end), expected, "{zone} {span:?} {at}");
        // Both bounds are sharp.
        assert_eq!(
            span.window(&clock, window.start),
            window,
            "{zone} {span:?} {start}"
        );
        assert_eq!(
            span.window(&clock, window.end).start,
            window.end,
            "{zone} {span:?} {end}"
        );
    }
}

#[test]
fn a_window_in_progress_goes_on_to_the_first_boundary_of_a_new_zone() {
    let offered = |offered| Counts {
        offered,
        ..Counts::NONE
    };
    for &(span, zone, bounds, new, met, expected) in CHANGES {
        let [start, end] = bounds.map(|bound| microseconds(instant(bound)));
        let mark = Mark {
            span,
            start,
            end,
            counts: offered(4),
            zone: zone.to_owned(),
        };
        let met = microseconds(instant(met));
        assert!(mark.is_over(met), "{span:?} {zone}");
        let clock = TimeZone::get(new).unwrap();
        let turned = mark.turned(
            offered(7),
            met,
            Calendar {
                name: new,
                zone: &clock,
            },
        );
        let expected = expected.map(|bound| microseconds(instant(bound)));
        assert_eq!([turned.start, turned.end], expected, "{span:?} {zone} {new}");
        let used = if turned.start == start { 3 } else { 0 };
        assert_eq!(turned.used(offered(7)).offered, used, "{span:?} {zone} {new}");
        assert_eq!(turned.zone, new);
    }
}
