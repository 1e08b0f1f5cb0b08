//! Goal: COMMANDS.md is true. Method: every command and subcommand of the catalogue stands on the page with its form, and every code
//! of a refusal with it.

use gavel_wire::Code;
use gavel_wire::catalogue::ALL;

/// `BID <auction> …` as the page writes it: on one line, whatever breaks the page has.
fn page() -> String {
    include_str!("../../COMMANDS.md").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_is_on_the_page_with_its_form() {
    let page = page();
    // The heads of families are described by their subcommands.
    let families = ["AUCTION", "CLIENT"];
    for entry in ALL.iter().filter(|entry| !families.contains(&entry.name)) {
        assert!(page.contains(&format!("`{entry}`")), "COMMANDS.md lacks `{entry}`");
    }
}

#[test]
fn every_code_is_on_the_page() {
    let page = page();
    for code in Code::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "COMMANDS.md lacks {code}");
    }
}
