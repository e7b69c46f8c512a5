//! Asks Pendo of a long span in as many parts as it takes: what needs too long, or what Pendo refuses for its length, is
//! asked for in halves. So how much Pendo answers at once is found by asking, and assumed nowhere.

use super::plan;
use crate::pendo::PendoError;
use crate::time::HourRange;

/// A refusal of no more hours than these is not about their number: each endpoint takes a month.
const MONTH_HOURS: i32 = 31 * 24;

/// Whether fewer hours may be answered.
#[must_use]
pub(super) fn may_be_too_long(error: &PendoError, asked: HourRange) -> bool {
    match error {
        PendoError::Incomplete { .. } => true,
        PendoError::BadRequest { .. } => asked.len() > MONTH_HOURS,
        _ => false,
    }
}

/// Asks for a range in parts that begin where spans of `span_hours` do; each answer goes to `take`. The newest part is
/// asked for first, so what Pendo answers in no length is known after a few requests.
///
/// # Errors
/// Pendo's.
pub(super) async fn ask<T, F: Future<Output = Result<T, PendoError>>>(
    range: HourRange,
    span_hours: i32,
    ask: impl Fn(HourRange) -> F,
    mut take: impl FnMut(T),
) -> Result<(), PendoError> {
    let mut open = if range.is_empty() { Vec::new() } else { vec![range] };
    while let Some(part) = open.pop() {
        match ask(part).await {
            Ok(answer) => take(answer),
            Err(error) => match plan::halves(part, span_hours) {
                Some(halves) if may_be_too_long(&error, part) => open.extend(halves),
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Hour;
    use std::cell::RefCell;

    fn refused() -> PendoError {
        PendoError::BadRequest { status: 400, detail: "too many buckets".to_owned() }
    }

    /// Asks for 2,600 days of a Pendo that takes so many hours; answers the parts and how often it was asked.
    async fn asked(hours_max: i32, error: fn() -> PendoError) -> (Result<Vec<HourRange>, String>, usize) {
        let (parts, count) = (RefCell::new(Vec::new()), RefCell::new(0));
        let range = HourRange { from: Hour(24), to: Hour(2_600 * 24 + 7) };
        let one = |part: HourRange| {
            *count.borrow_mut() += 1;
            async move { if part.len() <= hours_max { Ok(part) } else { Err(error()) } }
        };
        let end = ask(range, 24, one, |part| parts.borrow_mut().push(part)).await;
        (end.map(|()| parts.take()).map_err(|error| error.to_string()), count.take())
    }

    #[tokio::test]
    async fn a_span_that_is_refused_for_its_length_is_asked_for_in_halves_that_leave_no_gap() {
        for error in [refused, || PendoError::Incomplete { detail: "504".to_owned() }] {
            let (parts, _) = asked(100 * 24, error).await;
            let mut parts = parts.unwrap();
            parts.reverse();
            assert_eq!((parts[0].from, parts[parts.len() - 1].to), (Hour(24), Hour(2_600 * 24 + 7)));
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].to.0 % 24 == 0), "{parts:?}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_in_every_length_is_given_up_after_a_few_requests() {
        let (end, count) = asked(0, refused).await;
        assert!(end.unwrap_err().contains("too many buckets") && count < 10, "{count}");
        let (end, count) = asked(0, || PendoError::PaymentRequired).await;
        assert!(end.is_err() && count == 1);
    }
}
