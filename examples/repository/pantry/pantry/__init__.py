"""What is in the pantry, what has to be used soon, and how much of it a recipe takes."""
