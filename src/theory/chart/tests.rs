use super::*;

const GOOD: &str = r#"{"key": "C", "tempo": 140, "style": "swing", "bars": [["Dm7", "G7"], ["Cmaj7"], ["Am7", "D7", "G7"]]}"#;

#[test]
fn a_chart_is_read_and_written() {
    let chart = Chart::from_json(GOOD).expect("a chart");
    assert_eq!((chart.key.to_string().as_str(), chart.tempo, chart.bars.len()), ("C major", 140.0, 3));
    assert_eq!(Chart::from_json(&chart.to_json()), Ok(chart));
}

#[test]
fn chords_share_the_beats_of_their_bar() {
    for (chords, eighths) in [
        (1, vec![8]),
        (2, vec![4, 4]),
        (3, vec![4, 2, 2]),
        (4, vec![2; 4]),
        (5, vec![2, 2, 2, 1, 1]),
        (7, vec![2, 1, 1, 1, 1, 1, 1]),
        (8, vec![1; 8]),
    ] {
        assert_eq!(shares(chords), eighths);
        assert_eq!(shares(chords).iter().sum::<u32>(), BAR_EIGHTHS);
    }
    let chart = Chart::from_json(GOOD).expect("a chart");
    let placed = chart.placed(4);
    let starts: Vec<u32> = placed.iter().map(|placed| placed.eighth).collect();
    assert_eq!(starts, [0, 4, 8, 16, 20, 22, 24, 28], "and from the beginning again");
}

#[test]
fn an_error_names_its_place() {
    let with =
        |from: &str, to: &str| Chart::from_json(&GOOD.replace(from, to)).expect_err("no chart").to_string();
    assert!(with(r#""G7"],"#, r#""H7"],"#).starts_with("bars[0][1]: `H7` is no chord: "));
    assert!(with(r#"["Cmaj7"]"#, "[]").starts_with("bars[1]: 0 chords; 1 to 8 can be"));
    assert!(with(r#"["Cmaj7"]"#, "[3]").starts_with("bars[1][0]: a text stands here, and not a number"));
    assert!(with(r#"["Cmaj7"]"#, r#""Cmaj7""#).starts_with("bars[1]: a list of chords stands here"));
    assert!(with("140", "1400").starts_with("tempo: `1400` cannot be; 20 to 400"));
    assert!(with("\"C\"", "\"H dur\"").starts_with("key: `H dur` is no key"));
    assert!(with("swing", "polka").starts_with("style: `polka` is no style"));
    assert!(with("\"key\"", "\"tonart\"").contains("unknown field `tonart`"));
    assert!(with("\"tempo\": 140", "\"key\": \"D\"").contains("duplicate field `key`"));
    assert!(with("\"key\": \"C\", ", "").contains("missing field `key`"));
    assert!(Chart::from_json("").expect_err("nothing").to_string().starts_with("the chart: "));
    assert!(Chart::from_json(&" ".repeat(TEXT_BYTES + 1)).is_err());
    // What is quoted is no command to a terminal, and no book.
    let quoted = format!("{{\"\\u001b[2J{}\": 1}}", "x".repeat(1_000));
    let said = Chart::from_json(&quoted).expect_err("no chart").to_string();
    assert!(said.contains("[2Jxxx") && !said.contains(char::is_control) && said.len() < 400, "{said:?}");
    assert!(Chart::from_json(&"[".repeat(100_000)).is_err());
}

#[test]
fn the_schema_and_the_reader_agree() {
    let schema: Value = serde_json::from_str(CHART_SCHEMA).expect("it is JSON");
    let bars = &schema["properties"]["bars"];
    assert_eq!(bars["maxItems"], BARS_AT_MOST);
    assert_eq!(bars["items"]["maxItems"], CHORDS_PER_BAR_AT_MOST);
    let styles: Vec<&str> = Style::ALL.iter().map(|style| style.name()).collect();
    assert_eq!(schema["properties"]["style"]["enum"], json!(styles));
    // Every suffix that the schema names is in the vocabulary.
    let words = bars["items"]["items"]["description"].as_str().expect("a text");
    let named =
        words.split_once("nothing, ").and_then(|(_, rest)| rest.split_once(", then, if")).expect("a list").0;
    let suffixes: Vec<&str> =
        named.split([',', ' ']).filter(|word| !word.is_empty() && *word != "or").collect();
    assert!(suffixes.len() > 25);
    for suffix in suffixes {
        assert!(format!("C{suffix}").parse::<Chord>().is_ok(), "{suffix}");
    }
}
