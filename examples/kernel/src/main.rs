mod coherence;
mod function;
mod governance;
mod graph;
mod random;
mod report;
mod restart;
mod two_tier;
use eml_core::{EmlModel, native::Model};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join("kernel-models-x");
    let _ = std::fs::remove_dir_all(&dir);
    let mut out = std::io::stdout();
    let t = std::time::Instant::now();
    for a in [
        report::run::<coherence::Graphs, EmlModel>(&dir, &mut out)?,
        report::run::<coherence::Graphs, Model>(&dir, &mut out)?,
        report::run::<governance::Council, EmlModel>(&dir, &mut out)?,
        report::run::<governance::Council, Model>(&dir, &mut out)?,
        report::run::<restart::Services, EmlModel>(&dir, &mut out)?,
        report::run::<restart::Services, Model>(&dir, &mut out)?,
    ] {
        println!("{} {} {:?} {} {:.2} {:.2}", a.subsystem, a.profile, a.counts, a.trained, a.fast_us, a.exact_us);
        for h in a.heads {
            println!("  {:12} {:.3} {:.3} {:.3} | {:.3} {:.3} {:.3}", h.name, h.constant, h.untrained, h.trained, h.shifted, h.retrained, h.constant_after);
        }
    }
    println!("{:?}", t.elapsed());
    Ok(())
}
