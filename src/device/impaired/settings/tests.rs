use std::format;

use super::*;

/// Reads a text, and what it is written as.
fn means<T: FromStr<Err = SettingError> + fmt::Display + PartialEq + fmt::Debug>(
    text: &str,
    canonical: &str,
) -> T {
    let value: T = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(format!("{value}"), canonical, "{text}");
    assert_eq!(canonical.parse().as_ref(), Ok(&value), "{canonical}");
    value
}

#[test]
fn chances_are_exact() {
    let chance = |of, all| Chance::new(of, all).expect("a fraction");
    assert_eq!(means::<Chance>("5%", "5%"), chance(1, 20));
    assert_eq!(means::<Chance>("0.1%", "0.1%"), chance(1, 1_000));
    assert_eq!(means::<Chance>("0.05 %", "0.05%"), chance(1, 2_000));
    assert_eq!(means::<Chance>("2‰", "0.2%"), chance(2, 1_000));
    assert_eq!(means::<Chance>("1/3", "1/3"), chance(1, 3));
    assert_eq!(means::<Chance>("2 / 40", "5%"), chance(1, 20));
    assert_eq!(means::<Chance>("0.05", "5%"), chance(1, 20));
    assert_eq!(means::<Chance>("0", "0%"), Chance::NEVER);
    assert_eq!(means::<Chance>("100%", "100%"), Chance::ALWAYS);
    assert_eq!(means::<Chance>("1", "100%"), Chance::ALWAYS);
    assert_eq!(means::<Chance>("0.000001%", "0.000001%"), chance(1, 100_000_000));
    assert_eq!(means::<Chance>("1/4294967295", "1/4294967295"), chance(1, u32::MAX));
    assert_eq!((Chance::new(1, 0), Chance::new(2, 1)), (None, None));
    for (text, error) in [
        ("", SettingError::NotAChance),
        ("five", SettingError::NotAChance),
        ("5", SettingError::ChanceWithoutUnit),
        ("101%", SettingError::BeyondAll),
        ("3/2", SettingError::BeyondAll),
        ("1/0", SettingError::NotAChance),
        ("0.5/2", SettingError::NotAChance),
        ("-1%", SettingError::NotAChance),
        ("5%%", SettingError::NotAChance),
        ("1/4294967296", SettingError::NotAChance),
        ("0.00000000000000000000001%", SettingError::NotAChance),
    ] {
        assert_eq!(text.parse::<Chance>(), Err(error), "{text}");
    }
}

#[test]
fn delays_rates_and_reordering_are_read_as_they_are_written() {
    let ms = Duration::from_millis;
    assert_eq!(means::<Delay>("20ms", "20 ms"), Delay { fixed: ms(20), jitter: ms(0) });
    assert_eq!(means::<Delay>("20ms±5ms", "20 ms ± 5 ms"), Delay { fixed: ms(20), jitter: ms(5) });
    assert_eq!(
        means::<Delay>("1.5 s +- 250 ms", "1500 ms ± 250 ms"),
        Delay { fixed: ms(1_500), jitter: ms(250) }
    );
    assert_eq!(means::<Delay>("1s+/-1s", "1 s ± 1 s"), Delay { fixed: ms(1_000), jitter: ms(1_000) });
    assert_eq!(means::<Delay>("0", "0 s"), Delay::default());

    let rate = |bits_per_second, queue| Rate { bits_per_second, queue };
    assert_eq!(means::<Rate>("1Mbit/s", "1 Mbit/s"), rate(1_000_000, Rate::QUEUE));
    assert_eq!(means::<Rate>("125 kB/s", "1 Mbit/s"), rate(1_000_000, Rate::QUEUE));
    assert_eq!(means::<Rate>("0.5 Mbps", "500 kbit/s"), rate(500_000, Rate::QUEUE));
    assert_eq!(means::<Rate>("9600 bit/s, queue 1500", "9600 bit/s, queue 1500"), rate(9_600, 1_500));
    assert_eq!(means::<Rate>("10Gbit/s queue 30kB", "10 Gbit/s, queue 30000"), rate(10_000_000_000, 30_000));

    let chance = Chance::new(1, 50).expect("a fraction");
    assert_eq!(means::<Reorder>("2%", "2%"), Reorder { chance, by: Reorder::BY });
    assert_eq!(means::<Reorder>("1/50 by 10ms", "2% by 10 ms"), Reorder { chance, by: ms(10) });

    fn error<T: FromStr<Err = SettingError>>(text: &str) -> Option<SettingError> {
        text.parse::<T>().err()
    }
    assert_eq!(error::<Delay>("20"), Some(SettingError::DurationWithoutUnit));
    assert_eq!(error::<Delay>("soon"), Some(SettingError::NotADuration));
    assert_eq!(error::<Delay>("20ms 5ms"), Some(SettingError::NotADuration));
    assert_eq!(error::<Delay>("20ms±5ms±5ms"), Some(SettingError::NotADuration));
    assert_eq!(error::<Delay>("5ms±20ms"), Some(SettingError::JitterBeyondDelay));
    assert_eq!(error::<Delay>("2000min"), Some(SettingError::TooLong));
    assert_eq!(error::<Rate>("1M"), Some(SettingError::RateWithoutUnit));
    assert_eq!(error::<Rate>("0 bit/s"), Some(SettingError::Zero));
    assert_eq!(error::<Rate>("fast"), Some(SettingError::NotARate));
    assert_eq!(error::<Rate>("1 Mbit/h"), Some(SettingError::NotARate));
    assert_eq!(error::<Rate>("2000 Gbit/s"), Some(SettingError::NotARate));
    assert_eq!(error::<Rate>("1Mbit/s queue long"), Some(SettingError::NotAQueue));
    assert_eq!(error::<Reorder>("2% by 0s"), Some(SettingError::Zero));
    assert_eq!(error::<Reorder>("by 5ms"), Some(SettingError::NotAChance));
}

#[test]
fn settings_are_set_by_name_for_one_direction_or_both() {
    let mut settings = Settings::default();
    assert!(settings.is_identity());
    for (name, value) in Settings::NAMES {
        settings.set(name, value).unwrap_or_else(|error| panic!("--{name} {value}: {error}"));
    }
    assert_eq!(settings.incoming, settings.outgoing);
    assert_eq!((settings.seed, settings.rules.len()), (42, 1));
    assert_eq!(format!("{}", settings.incoming.loss), "5%");
    assert!(!settings.is_identity());

    let mut settings = Settings::default();
    settings.set("loss", "in:5%").unwrap();
    settings.set("loss", "out:1%").unwrap();
    settings.set("delay", "in:20ms±5ms").unwrap();
    settings.set("rate", " out:1Mbit/s queue 3000").unwrap();
    settings.set("seed", "0xfeed").unwrap();
    let Settings { incoming, outgoing, seed, .. } = &settings;
    assert_eq!((format!("{}", incoming.loss), format!("{}", outgoing.loss)), ("5%".into(), "1%".into()));
    assert_eq!((format!("{}", incoming.delay), outgoing.delay), ("20 ms ± 5 ms".into(), Delay::default()));
    assert_eq!((incoming.rate, outgoing.rate.map(|rate| rate.queue), *seed), (None, Some(3_000), 0xfeed));

    for (name, value, error) in [
        ("loss", "in:", SettingError::NotAChance),
        ("loss", "up:5%", SettingError::NotAChance),
        ("luck", "5%", SettingError::NoSuchName),
        ("seed", "-1", SettingError::NotASeed),
        ("seed", "+1", SettingError::NotASeed),
        ("seed", "0x", SettingError::NotASeed),
        ("trouble", "drop", SettingError::Rule(RuleError::NoKind)),
    ] {
        assert_eq!(settings.set(name, value), Err(error), "--{name} {value}");
    }
    for _ in 0..MAX_RULES {
        settings.set("trouble", Rule::EXAMPLE).unwrap();
    }
    assert_eq!(settings.set("trouble", Rule::EXAMPLE), Err(SettingError::TooManyRules));
    let text = format!("{}", settings.set("trouble", "drop the SIN").unwrap_err());
    assert_eq!(text, "'SIN' means nothing here");
}

#[test]
fn sides_are_written_as_they_are_read() {
    for text in ["5%", "in:5%", "out:5%"] {
        assert_eq!(format!("{}", text.parse::<Sided<Chance>>().unwrap()), text);
    }
}
