//! The window, acknowledgement by acknowledgement.

use super::*;

const SEGMENT: u32 = 1_000;

/// One that has lost something: 5,000 bytes, and ssthresh as many. All before 20,000 was sent before that.
fn reduced() -> Window {
    let mut window = Window::new(SEGMENT);
    assert!(window.reduce(10_000, 20_000, SEGMENT, false));
    assert_eq!((window.size, window.threshold, window.phase), (5_000, 5_000, Phase::Recovery));
    window
}

#[test]
fn the_first_is_ten_segments_or_14600_bytes() {
    // RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)).
    for (segment, size) in
        [(48, 480), (536, 5_360), (1_460, 14_600), (2_000, 14_600), (7_300, 14_600), (8_960, 17_920)]
    {
        assert_eq!(Window::new(segment).size, size, "{segment}");
    }
}

#[test]
fn it_grows_by_what_is_acknowledged_and_then_by_a_segment_a_round_trip() {
    let mut window = Window::new(SEGMENT);
    window.threshold = 20_000;
    let mut sizes = std::vec![];
    for _ in 0..16 {
        window.acknowledged(2_000, window.size, 1, SEGMENT);
        sizes.push(window.size / 1_000);
    }
    assert_eq!(sizes, [12, 14, 16, 18, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 21, 21]);
    assert_eq!(window.phase, Phase::Avoidance);
}

#[test]
fn slow_start_ends_at_the_threshold_and_no_further() {
    for (threshold, bytes, size) in
        [(15_000, 64_000, 15_000), (10_001, 1_000, 10_001), (u32::MAX, 64_000, 74_000)]
    {
        let mut window = Window { threshold, ..Window::new(SEGMENT) };
        window.acknowledged(bytes, 10_000, 1, SEGMENT);
        assert_eq!(window.size, size);
        let phase = if size < threshold { Phase::SlowStart } else { Phase::Avoidance };
        assert_eq!(window.phase, phase);
    }
}

#[test]
fn it_does_not_grow_where_it_is_not_used() {
    for (flight, size) in [(0, 10_000), (4_999, 10_000), (5_000, 11_000), (10_000, 11_000)] {
        let mut window = Window::new(SEGMENT);
        window.acknowledged(1_000, flight, 1, SEGMENT);
        assert_eq!(window.size, size, "{flight} in flight");
    }
}

#[test]
fn it_has_an_end() {
    let mut window = Window::new(SEGMENT);
    for _ in 0..10 {
        window.acknowledged(u32::MAX / 4, window.size, 1, SEGMENT);
    }
    assert_eq!(window.size, LARGEST);
}

#[test]
fn one_reduction_a_round_trip() {
    let mut window = reduced();
    for una in [10_000, 15_000, 19_999] {
        window.acknowledged(1_000, 10_000, una, SEGMENT);
        assert!(!window.reduce(una, 30_000, SEGMENT, false), "{una}");
        assert_eq!((window.size, window.phase), (5_000, Phase::Recovery));
    }
    window.acknowledged(1_000, 10_000, 20_000, SEGMENT);
    assert_eq!(window.phase, Phase::Avoidance);
    assert!(window.reduce(20_000, 30_000, SEGMENT, false));
    assert_eq!((window.size, window.threshold), (2_500, 2_500));
    // No less than two segments (RFC 5681 3.1).
    assert!(window.reduce(30_000, 40_000, SEGMENT, false));
    assert_eq!((window.size, window.threshold), (2_000, 2_000));
}

/// The numbers of what was sent wrap.
#[test]
fn one_reduction_a_round_trip_across_the_end_of_the_numbers() {
    let mut window = Window::new(SEGMENT);
    assert!(window.reduce(u32::MAX - 5_000, 5_000, SEGMENT, false));
    assert!(!window.reduce(u32::MAX, 9_000, SEGMENT, false));
    assert!(!window.reduce(4_999, 9_000, SEGMENT, false));
    assert!(window.reduce(5_000, 9_000, SEGMENT, false));
}

#[test]
fn a_timeout_leaves_one_segment_and_counts_once() {
    // ssthresh is half of what was in flight, or of the window where that is less.
    for (flight, threshold) in [(10_000, 5_000), (6_000, 3_000), (1_000, 2_000), (90_000, 5_000)] {
        let mut window = Window::new(SEGMENT);
        window.collapse(flight, 20_000, SEGMENT);
        assert_eq!((window.size, window.threshold, window.phase), (1_000, threshold, Phase::Timeout));
        window.collapse(flight, 20_000, SEGMENT);
        assert_eq!((window.size, window.threshold), (1_000, threshold), "the same loss");
        assert!(!window.reduce(0, 20_000, SEGMENT, false), "the same loss");
        // It is repaired: slow start, and then a segment a round trip.
        window.acknowledged(1_000, 1_000, 1_000, SEGMENT);
        assert_eq!((window.size, window.phase), (2_000, Phase::Timeout));
        window.acknowledged(1_000, 2_000, 20_000, SEGMENT);
        let phase = if threshold > 2_000 { Phase::SlowStart } else { Phase::Avoidance };
        assert_eq!(window.phase, if threshold == 3_000 { Phase::Avoidance } else { phase });
    }
}

#[test]
fn what_was_needless_is_undone_once() {
    let mut window = reduced();
    window.undo();
    assert_eq!((window.size, window.threshold, window.phase), (10_000, u32::MAX, Phase::SlowStart));
    let mut window = reduced();
    // It has grown beyond meanwhile.
    window.size = 12_000;
    window.undo();
    assert_eq!(window.size, 12_000);
    window.size = 3_000;
    window.undo();
    assert_eq!(window.size, 3_000, "that was undone");
}

#[test]
fn after_a_silence_the_first_window_again_and_no_more() {
    for (before, after) in [(80_000, 10_000), (10_000, 10_000), (3_000, 3_000)] {
        let mut window = Window { size: before, threshold: 40_000, ..Window::new(SEGMENT) };
        window.restart(SEGMENT);
        assert_eq!((window.size, window.threshold, window.phase), (after, 40_000, Phase::SlowStart));
    }
}
