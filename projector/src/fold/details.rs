//! What an auction's document takes out of the details, so that it can be listed, searched and shown without reading them.

use crate::documents::Auction;
use crate::limits::{CATEGORY_BYTES_MAX, DETAILS_ADDED_BYTES_MAX, IMAGES_MAX};
use serde_json::{Map, Value};

/// The fields that have a meaning here. What is absent, or is not a text where it should be one, is none: details are the seller's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) category: Option<String>,
    pub(super) images: Vec<String>,
}

impl Shown {
    /// Takes them out of a JSON object.
    pub(super) fn of(details: &str) -> Self {
        let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(details) else {
            return Self::default();
        };
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (title, description) = (text("title"), text("description"));
        let category = text("category").filter(|name| name.len() <= CATEGORY_BYTES_MAX);
        let images = match fields.remove("images") {
            Some(Value::Array(images)) => images,
            _ => Vec::new(),
        };
        let images = images.into_iter().filter_map(|image| match image {
            Value::String(image) => Some(image),
            _ => None,
        });
        Self { title, description, category, images: images.take(IMAGES_MAX).collect() }
    }
}

/// Details in place of the earlier ones.
pub(super) fn replace(auction: &mut Auction, details: &str) {
    let Shown { title, description, category, images } = Shown::of(details);
    (auction.title, auction.description, auction.category) = (title, description, category);
    auction.images = images;
    details.clone_into(&mut auction.details);
}

/// Details on top of the earlier ones. Of what they say, images are added to those that there are.
pub(super) fn append(auction: &mut Auction, details: &str) {
    let bytes: usize = auction.details_added.iter().map(String::len).sum();
    if bytes + details.len() > DETAILS_ADDED_BYTES_MAX {
        auction.details_omitted += 1;
        return;
    }
    let room = IMAGES_MAX.saturating_sub(auction.images.len());
    auction.images.extend(Shown::of(details).images.into_iter().take(room));
    auction.details_added.push(details.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_out_and_everything_else_is_left() {
        let details = r#"{"title":"A \"vase\"","description":"Blue","category":"ceramics","images":["a.jpg",7,"b.jpg"],"year":1910}"#;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            Shown::of(details),
            Shown {
                title: text("A \"vase\""),
                description: text("Blue"),
                category: text("ceramics"),
                images: vec!["a.jpg".into(), "b.jpg".into()],
            }
        );
        let other = r#"{"title":7,"description":null,"category":["ceramics"],"images":"a.jpg"}"#;
        assert_eq!(Shown::of(other), Shown::default());
        assert_eq!(Shown::of("{}"), Shown::default());
        let long = format!(r#"{{"category":"{}"}}"#, "x".repeat(CATEGORY_BYTES_MAX + 1));
        assert_eq!(Shown::of(&long), Shown::default());
    }
}
