//! stub
#![allow(missing_docs)]
macro_rules! pattern {
    ($n:ident) => {
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $n(String);
        impl $n {
            pub fn parse(t: &str) -> Result<Self, String> {
                Ok(Self(t.to_owned()))
            }
        }
    };
}
pattern!(PathPattern);
pattern!(HostPattern);
pattern!(TextPattern);
