//! stub
pub enum Endpoint {
    Default(String),
    Port(String, u16),
    Named(String, String),
}
impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
impl Clone for Endpoint {
    fn clone(&self) -> Self {
        match self {
            Self::Default(h) => Self::Default(h.clone()),
            Self::Port(h, p) => Self::Port(h.clone(), *p),
            Self::Named(h, i) => Self::Named(h.clone(), i.clone()),
        }
    }
}
