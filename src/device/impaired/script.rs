//! The rules and how far they have come.

use heapless::Vec;
use smoltcp::time::Duration;

use super::rule::{Frame, Rule, Verb};
use super::settings::MAX_RULES;
use crate::event::Direction;
use crate::packet::Link;

/// The rules, each with the number of frames that it has counted.
pub(super) struct Script(Vec<(Rule, u32), MAX_RULES>);

/// What the rules do to a frame, all together.
#[derive(Debug, Default)]
pub(super) struct Strike {
    pub(super) drop: bool,
    pub(super) duplicate: bool,
    pub(super) corrupt: bool,
    pub(super) delay: Option<Duration>,
}

impl Script {
    pub(super) fn new(rules: &Vec<Rule, MAX_RULES>) -> Script {
        Script(rules.iter().map(|rule| (*rule, 0)).collect())
    }

    /// Whether a frame this way can still mean anything.
    pub(super) fn watches(&self, direction: Direction) -> bool {
        self.0.iter().any(|(rule, count)| rule.watches(direction) && !rule.which.is_over(*count))
    }

    /// Counts a frame, and says what becomes of it.
    pub(super) fn strike(&mut self, link: Link, frame: &[u8], direction: Direction) -> Strike {
        let mut strike = Strike::default();
        if !self.watches(direction) {
            return strike;
        }
        let frame = Frame::new(link, frame);
        for (rule, count) in &mut self.0 {
            if !rule.counts(&frame, direction) {
                continue;
            }
            *count = count.saturating_add(1);
            if !rule.which.hits(*count) {
                continue;
            }
            match rule.verb {
                Verb::Drop => strike.drop = true,
                Verb::Duplicate => strike.duplicate = true,
                Verb::Corrupt => strike.corrupt = true,
                Verb::Delay(by) => strike.delay = Some(strike.delay.unwrap_or(Duration::ZERO) + by),
            }
        }
        strike
    }
}
