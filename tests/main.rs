//! black-box
