mod coherence;
mod governance;
mod graph;
mod random;
mod report;
mod restart;
mod two_tier;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join("kernel-models-x");
    let _ = std::fs::remove_dir_all(&dir);
    let mut out = std::io::stdout();
    let t = std::time::Instant::now();
    for a in [
        report::run::<coherence::Graphs>(&dir, &mut out)?,
        report::run::<governance::Council>(&dir, &mut out)?,
        report::run::<restart::Services>(&dir, &mut out)?,
    ] {
        println!("{} {} {} {} {:.2} {:.2}", a.name, a.calls, a.checks, a.events, a.fast_us, a.exact_us);
        for h in a.heads {
            println!("  {:12} const {:.3?} core {:.3?} default {:.3?}", h.name, h.constant, h.core, h.default);
        }
    }
    println!("{:?}", t.elapsed());
    Ok(())
}
