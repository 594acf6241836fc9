//! Whether a policy acts.

use serde::{Deserialize, Serialize};

/// Whether a policy, or one of its sections, acts. Of a policy's mode and a section's mode the softer one counts, so
/// that `mode: shadow` on a policy surely refuses nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It acts.
    #[default]
    Enforce,
    /// It judges every call and counts what it would refuse, but lets all through.
    Shadow,
    /// It does not look at calls at all.
    Off,
}

impl Mode {
    /// The softer of the two.
    pub fn and(self, section: Option<Mode>) -> Mode {
        self.max(section.unwrap_or_default())
    }

    /// Whether it acts.
    pub fn is_enforce(&self) -> bool {
        *self == Mode::Enforce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_softer_mode_counts() {
        let cases = [
            (Mode::Enforce, None, Mode::Enforce),
            (Mode::Enforce, Some(Mode::Shadow), Mode::Shadow),
            (Mode::Shadow, None, Mode::Shadow),
            (Mode::Shadow, Some(Mode::Enforce), Mode::Shadow),
            (Mode::Shadow, Some(Mode::Off), Mode::Off),
        ];
        for (policy, section, expected) in cases {
            assert_eq!(policy.and(section), expected, "{policy:?} {section:?}");
        }
    }
}
