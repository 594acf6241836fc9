//! Bodies of answers.

/// Makes the bodies of answers of type `D`.
pub trait Body<D> {
    /// A body that is this text.
    fn text(&self, text: String) -> D;

    /// A body of nothing.
    fn empty(&self) -> D;
}

/// Bodies that are texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Text;

/// Bodies that are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silent;

impl<D: From<String> + Default> Body<D> for Text {
    fn text(&self, text: String) -> D {
        text.into()
    }

    fn empty(&self) -> D {
        D::default()
    }
}

impl<D: Default> Body<D> for Silent {
    fn text(&self, _text: String) -> D {
        D::default()
    }

    fn empty(&self) -> D {
        D::default()
    }
}
