//! Goal: the pages that people read first are whole. Method: every relative link of every Markdown page leads to a file or folder,
//! and no page has a placeholder left.

use std::path::{Path, PathBuf};

/// The pages of the repository, by `git ls-files`, so that what is built or installed beside them does not count.
fn pages(root: &Path) -> Vec<PathBuf> {
    let output =
        std::process::Command::new("git").args(["ls-files", "*.md"]).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|page| root.join(page)).collect()
}

/// What stands in `](…)`, without anchors and addresses of other places.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|t| !t.is_empty() && !t.contains("://"))
}

#[test]
fn every_link_leads_somewhere_and_nothing_is_left_to_fill_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let pages = pages(root);
    assert!(pages.len() >= 5, "these are not all pages: {pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(!text.contains("@@"), "{} has a placeholder", page.display());
        for link in links(&text) {
            let target = page.parent().unwrap().join(link);
            assert!(target.exists(), "{} links to {link}, which is not there", page.display());
        }
    }
}
