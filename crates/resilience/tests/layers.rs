//! The layers under axum, tonic and hyper as they are, through real loopback connections.

mod layers {
    mod axum;
    mod hyper;
    mod net;
    mod tonic;
}
