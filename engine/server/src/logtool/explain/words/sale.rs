//! The end, payment and second chances.

use super::{Telling, Told, shown};
use gavel_core::State;
use gavel_core::Timestamp;
use gavel_core::auction::ReserveStatus;
use gavel_core::event::{AfterUnpaid, Outcome, UnsoldReason};

impl Telling<'_> {
    pub(super) fn ended(&self, outcome: &Outcome, early: bool) -> Told {
        let title = if early { "ended early" } else { "ended" };
        let how = match (early, self.before().view.state) {
            (true, _) => "ended before its time, by command of the seller or an operator",
            (false, State::Scheduled) => "start and end have come, and nobody has bid",
            (false, _) => "its end has come",
        };
        let mut lines = vec![how.to_owned()];
        match *outcome {
            Outcome::Awarded { winner, price, pay_by } => {
                let reserve = match self.before().view.reserve {
                    ReserveStatus::None => "there is no reserve price",
                    ReserveStatus::NotMet | ReserveStatus::Met => "the reserve price is reached",
                };
                lines.push(format!("awarded: {winner} leads and wins at {}; {reserve}", shown(price)));
                lines.push(format!("to be paid until {pay_by}"));
            }
            Outcome::Unsold(reason) => lines.push(self.unsold(reason)),
        }
        (title.to_owned(), lines)
    }

    fn unsold(&self, reason: UnsoldReason) -> String {
        match reason {
            UnsoldReason::NoBids => "unsold: no bid stands".to_owned(),
            UnsoldReason::ReserveNotMet => {
                format!("unsold: the reserve price{} was not reached", self.reserve_secretly())
            }
            UnsoldReason::Unpaid => self.nobody_left(),
        }
    }

    fn nobody_left(&self) -> String {
        let reserve = if self.after.reserve.is_some() { " and reaches the reserve price" } else { "" };
        format!("unsold: nobody is left who has a standing bid, is not banned{reserve}")
    }

    pub(super) fn unpaid(&self, next: AfterUnpaid, expired: bool) -> Told {
        let winner =
            self.before().view.leader.map_or_else(|| "the winner".to_owned(), |winner| winner.to_string());
        let how = match expired {
            true => format!("the time in which {winner} had to pay has passed"),
            false => format!("{winner} does not pay, as was said by command"),
        };
        ("unpaid".to_owned(), vec![how, self.next(next)])
    }

    pub(super) fn offer_ended(&self, next: AfterUnpaid, expired: bool) -> Told {
        let offeree =
            self.before().view.leader.map_or_else(|| "the runner-up".to_owned(), |bidder| bidder.to_string());
        let how = match expired {
            true => format!("the time in which {offeree} could take the second chance has passed"),
            false => format!("{offeree} does not take the second chance"),
        };
        (if expired { "offer expired" } else { "offer declined" }.to_owned(), vec![how, self.next(next)])
    }

    fn next(&self, next: AfterUnpaid) -> String {
        match next {
            AfterUnpaid::Offered { to, price, until } => format!(
                "second chance for {to} at {}, until {until}: the price that they would have paid, had nobody who comes before them \
                 ever bid (the winner, earlier offers, banned bidders)",
                shown(price)
            ),
            AfterUnpaid::Unsold => self.nobody_left(),
        }
    }

    pub(super) fn offer_accepted(&self, pay_by: Timestamp) -> Told {
        let view = self.after.view;
        let who = view.leader.map_or_else(|| "the runner-up".to_owned(), |bidder| bidder.to_string());
        let price = view.price.map_or_else(String::new, |price| format!(" at {}", shown(price)));
        let lines = vec![
            format!("awarded: {who} takes the second chance and wins{price}"),
            format!("to be paid until {pay_by}"),
        ];
        ("offer accepted".to_owned(), lines)
    }
}
