//! The algebra against the concrete test.
