"""The published jobs: every file of recipes/ is taken by the command as it is, and says of itself how it is called. COMMAND is linked
with stub.c, which tells what reached the library."""

import pathlib

from graft_cli import CommandTest, main

RECIPES = sorted((pathlib.Path(__file__).resolve().parents[2] / "recipes").iterdir())


class Published(CommandTest):
    def test_each_is_taken(self):
        self.assertGreaterEqual(len(RECIPES), 7)
        plain = self.document("train", "DATA", "--out", "RUN")
        for recipe in RECIPES:
            with self.subTest(recipe=recipe.name):
                told = self.document("train", "DATA", "--out", "RUN", "--recipe", recipe)
                self.assertNotEqual(told, plain)
                self.assertIn(f"--recipe recipes/{recipe.name} ", recipe.read_text())

    def test_each_is_told_of(self):
        pages = "".join(page.read_text() for page in (RECIPES[0].parents[1] / "docs" / "recipes").glob("*.md"))
        for recipe in RECIPES:
            self.assertTrue(f"recipes/{recipe.name}" in pages or f"`{recipe.name}`" in pages, recipe.name)


if __name__ == "__main__":
    main()
