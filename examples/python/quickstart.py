"""Learn a function from points, save it, load it again, ask it."""
import math
import tempfile
from pathlib import Path

import eml

x = [[0.1 * i] for i in range(60)]
y = [math.sqrt(1 + row[0]) for row in x]

with eml.EmlModel(depth=4, inputs=1, heads=1, profile="default") as model:
    model.record(x, y)
    model.fit_scaling()  # the model likes 0..1; the scaling travels with it
    model.train(progress=lambda progress: None)  # raise here, or press Ctrl-C, to stop
    answer = model.predict_primary([2.05])
    print("learned %.3f, exact %.3f" % (answer, math.sqrt(1 + 2.05)))

    with tempfile.TemporaryDirectory() as folder:
        for extension in ("json", "safetensors", "pb"):
            path = Path(folder) / ("root." + extension)
            model.save(path)
            with eml.EmlModel.load(path) as again:
                assert again.predict_primary([2.05]) == answer
