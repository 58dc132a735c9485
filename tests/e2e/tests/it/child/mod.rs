//! Tests about the process `siegel-server` itself, on embedded parts: what it says, what is left when it is killed. They are the
//! same on any parts, and so are left out on real ones (`--skip child::`).

mod kill;
mod outputs;
